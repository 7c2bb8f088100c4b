import type { mailQueue, PayloadOf } from '../../queue/contracts.ts';
import type { Db, TokenPurpose } from '../../schema.ts';
import { loadNewComments } from '../comments/notice.ts';
import { loadDigest } from '../digests/load.ts';

type Payload = PayloadOf<typeof mailQueue>;

/** What a mail is about; its words are in `views/mail`. */
export interface MailTemplate {
  readonly subject: string;
  /** Which address of a change of email it goes to; to the account's own without. */
  readonly recipient?: 'new' | 'old';
  /** The mail carries a link with a token for this purpose, minted when the mail is written. */
  readonly purpose?: TokenPurpose;
  /** The page the mail's link opens. */
  path(token: string): string;
  /** Whether the link ends mails of this kind: then mail programs may offer that themselves (RFC 8058). */
  readonly isUnsubscribeLink?: boolean;
  /** Whether the mail has become pointless since it was enqueued. */
  isMoot?(recipient: { isConfirmed: boolean }): boolean;
  /** What the mail is to tell. Undefined when there is nothing any more. */
  load?(db: Db, payload: Payload & { userId: number }): Promise<object | undefined>;
}

/** Beside what can be enqueued, what an address that is taken is told instead. */
export type MailTemplateName = Payload['template'] | 'address-in-use';

export const mailTemplates: Record<MailTemplateName, MailTemplate> = {
  'confirm-account': {
    subject: 'Confirm Your Account',
    purpose: 'confirm-account',
    path: (token) => `/auth/confirm/${token}`,
    isMoot: ({ isConfirmed }) => isConfirmed,
  },
  'reset-password': {
    subject: 'Reset Your Password',
    purpose: 'reset-password',
    path: (token) => `/auth/reset/${token}`,
  },
  'change-email': {
    subject: 'Confirm Your Email Address',
    recipient: 'new',
    purpose: 'change-email',
    path: (token) => `/auth/change-email/${token}`,
  },
  'email-changed': {
    subject: 'Your Email Address Was Changed',
    recipient: 'old',
    purpose: 'undo-email-change',
    path: (token) => `/auth/undo-email-change/${token}`,
  },
  'email-changed-for-you': {
    subject: 'An Administrator Changed Your Email Address',
    recipient: 'old',
    path: () => '/',
  },
  'password-changed': {
    subject: 'Your Password Was Changed',
    path: () => '/auth/reset',
    isMoot: ({ isConfirmed }) => !isConfirmed,
  },
  'new-login': {
    subject: 'New Log-In to Your Account',
    path: () => '/auth/reset',
    // An address that nobody has confirmed may be a stranger's, who has no account to fear for.
    isMoot: ({ isConfirmed }) => !isConfirmed,
    load: async (_db, { address }) => ({ address }),
  },
  'address-in-use': {
    subject: 'You Already Have an Account',
    path: () => '/auth/login',
  },
  'new-comments': {
    subject: 'New Comments on Your Post',
    purpose: 'stop-comment-mails',
    path: unsubscribePath,
    isUnsubscribeLink: true,
    load: loadNewComments,
  },
  'weekly-digest': {
    subject: 'Your Week on Pennypost',
    purpose: 'stop-digest',
    path: unsubscribePath,
    isUnsubscribeLink: true,
    load: loadDigest,
  },
  'export-ready': {
    subject: 'Your Data Is Ready',
    purpose: 'download-export',
    path: (token) => `/your-data/${token}`,
  },
};

function unsubscribePath(token: string): string {
  return `/unsubscribe/${token}`;
}
