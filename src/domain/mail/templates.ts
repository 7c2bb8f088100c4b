import type { mailQueue, PayloadOf } from '../../queues.ts';
import type { TokenPurpose } from '../../schema.ts';

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
}

/** Beside what can be enqueued, what an address that is taken is told instead. */
export type MailTemplateName = PayloadOf<typeof mailQueue>['template'] | 'address-in-use';

export const mailTemplates: Record<MailTemplateName, MailTemplate> = {
  'confirm-account': {
    subject: 'Confirm your account',
    purpose: 'confirm-account',
    path: (token) => `/auth/confirm/${token}`,
    isMoot: ({ isConfirmed }) => isConfirmed,
  },
  'reset-password': {
    subject: 'Reset your password',
    purpose: 'reset-password',
    path: (token) => `/auth/reset/${token}`,
  },
  'change-email': {
    subject: 'Confirm your email address',
    recipient: 'new',
    purpose: 'change-email',
    path: (token) => `/auth/change-email/${token}`,
  },
  'email-changed': {
    subject: 'Your email address was changed',
    recipient: 'old',
    purpose: 'undo-email-change',
    path: (token) => `/auth/undo-email-change/${token}`,
  },
  'email-changed-for-you': {
    subject: 'An Administrator changed your email address',
    recipient: 'old',
    path: () => '/',
  },
  'password-changed': {
    subject: 'Your password was changed',
    path: () => '/auth/reset',
    isMoot: ({ isConfirmed }) => !isConfirmed,
  },
  'new-login': {
    subject: 'New log-in to your account',
    path: () => '/auth/reset',
    // An address that nobody has confirmed may be a stranger's, who has no account to fear for.
    isMoot: ({ isConfirmed }) => !isConfirmed,
  },
  'address-in-use': {
    subject: 'You already have an account',
    path: () => '/auth/login',
  },
  'new-comments': {
    subject: 'New comments on your post',
    purpose: 'stop-comment-mails',
    path: unsubscribePath,
    isUnsubscribeLink: true,
  },
  'weekly-digest': {
    subject: 'Your week on Pennypost',
    purpose: 'stop-digest',
    path: unsubscribePath,
    isUnsubscribeLink: true,
  },
  'export-ready': {
    subject: 'Your data export is ready',
    purpose: 'download-export',
    path: (token) => `/your-data/${token}`,
  },
};

function unsubscribePath(token: string): string {
  return `/unsubscribe/${token}`;
}
