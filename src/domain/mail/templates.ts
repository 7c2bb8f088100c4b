import type { TokenPurpose } from '../../database/account-tables.ts';
import type { PayloadOf } from '../../queue/index.ts';
import type { mailQueue } from '../../queues.ts';
import type { MailingList } from '../people/mail-choices.ts';

/** A kind of mail. Its bodies are in `views/mail`. */
export interface MailTemplate {
  readonly subject: string;
  /** Which address of a change of email it goes to. By default, the account's own. */
  readonly recipient?: 'new' | 'old';
  /** The purpose of the token in the mail's link, if it has one. */
  readonly purpose?: TokenPurpose;
  /** The page the mail's link opens, unless it unsubscribes from a list. */
  path(token: string): string;
  /** The list that the link unsubscribes from. Mail programs offer a button for it (RFC 8058). */
  readonly list?: MailingList;
  /** Whether the mail has become pointless since it was enqueued, or cannot be delivered. */
  isMoot?(recipient: { isConfirmed: boolean; isBouncing: boolean }): boolean;
}

/** Every template that can be enqueued, and the one that replaces it if an address is taken. */
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
  'two-factor-on': {
    subject: 'Two-factor authentication was turned on',
    path: () => '/auth/reset',
    isMoot: ({ isConfirmed }) => !isConfirmed,
  },
  'two-factor-off': {
    subject: 'Two-factor authentication was turned off',
    path: () => '/auth/reset',
    isMoot: ({ isConfirmed }) => !isConfirmed,
  },
  'passkey-added': {
    subject: 'A passkey was added to your account',
    path: () => '/auth/reset',
    isMoot: ({ isConfirmed }) => !isConfirmed,
  },
  'passkey-removed': {
    subject: 'A passkey was removed from your account',
    path: () => '/auth/reset',
    isMoot: ({ isConfirmed }) => !isConfirmed,
  },
  'new-login': {
    subject: 'New log-in to your account',
    path: () => '/auth/reset',
    // An unconfirmed address may be a stranger's.
    isMoot: ({ isConfirmed }) => !isConfirmed,
  },
  'address-in-use': {
    subject: 'You already have an account',
    path: () => '/auth/login',
  },
  notifications: {
    subject: 'New notifications',
    list: 'notifications',
    path: () => '/notifications',
    isMoot: isUndeliverable,
  },
  'weekly-digest': {
    subject: 'Your weekly digest',
    list: 'digest',
    path: () => '/',
    isMoot: isUndeliverable,
  },
  'export-ready': {
    subject: 'Your data export is ready',
    purpose: 'download-export',
    path: (token) => `/your-data/${token}`,
    isMoot: isUndeliverable,
  },
  'import-ended': {
    subject: 'Your import has ended',
    path: () => '/your-data',
    isMoot: isUndeliverable,
  },
  'application-approved': {
    subject: 'Welcome: you can take part now',
    path: () => '/',
  },
  'application-declined': {
    subject: 'Your application was declined',
    path: () => '/',
  },
  moderation: {
    subject: 'A decision about your account',
    path: () => '/',
  },
  'confirm-subscription': {
    subject: 'Confirm your subscription',
    purpose: 'confirm-subscription',
    path: (token) => `/subscribe/${token}`,
    isMoot: ({ isConfirmed }) => isConfirmed,
  },
  'new-post': {
    subject: 'New post',
    list: 'posts',
    path: () => '/',
    isMoot: ({ isConfirmed }) => !isConfirmed,
  },
  'account-deletion': {
    subject: 'Your account will be deleted',
    purpose: 'undo-deletion',
    path: (token) => `/auth/undo-deletion/${token}`,
  },
};

/**
 * For optional mails. Others are sent even if the address has bounced: they are few, somebody is waiting for a link or must
 * be warned, and the mail server may have been wrong.
 */
function isUndeliverable({ isBouncing }: { isBouncing: boolean }): boolean {
  return isBouncing;
}

/** The subject of a mail in the ledger, or the name of its template if this release does not have it. */
export function mailSubject(template: string): string {
  return Object.entries(mailTemplates).find(([name]) => name === template)?.[1].subject ?? template;
}
