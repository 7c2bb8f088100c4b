import type { mailQueue, PayloadOf } from '../../queues.ts';
import type { TokenPurpose } from '../../schema.ts';

/** What a mail is about; its words are in `views/mail`. */
export interface MailTemplate {
  readonly subject: string;
  /** The mail carries a link with a token for this purpose, minted when the mail is written. */
  readonly purpose?: TokenPurpose;
  /** The page the mail sends its reader to. */
  path(token: string): string;
  /** Whether the mail has become pointless since it was enqueued. */
  isMoot?(user: { isConfirmed: boolean }): boolean;
}

export const mailTemplates: Record<PayloadOf<typeof mailQueue>['template'], MailTemplate> = {
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
    purpose: 'change-email',
    path: (token) => `/auth/change-email/${token}`,
  },
  'address-in-use': {
    subject: 'You Already Have an Account',
    path: () => '/auth/login',
  },
};
