import type { Generated, GeneratedAlways } from 'kysely';
import type { TokenPurpose } from './account-tables.ts';

/** The tables of sent mails and alarms. */
export interface MailTables {
  /** One row per distinct error. */
  alarms: {
    id: GeneratedAlways<number>;
    fingerprint: string;
    title: string;
    message: string;
    reference: string;
    mailed_at: Generated<Date>;
    /** Repetitions since the last mail. */
    since_then: Generated<number>;
  };
  /** Valid links in mails. */
  mailed_tokens: {
    token_hash: Buffer;
    /** Either the account or the subscription that the link is for; the other is null. */
    user_id: number | null;
    subscription_id: number | null;
    purpose: TokenPurpose;
    /** The link is only valid while the account has this address. Null if it survives a change. */
    sent_to: string | null;
    /** The change that a `change-email` token completes or an `undo-email-change` token undoes. */
    email_change_id: number | null;
    /** The export that a `download-export` token opens. */
    export_id: number | null;
    created_at: Generated<Date>;
    expires_at: Date;
  };
  /** The ledger: a row is written when the mail server has accepted a message or refused it for good. */
  mail_deliveries: {
    job_id: string;
    /** Either the account or the subscription that it went to; the other is null. */
    user_id: number | null;
    subscription_id: number | null;
    template: string;
    message_id: string;
    sent_to: string;
    /** Identifies bounces of this mail; null if the site does not handle them. */
    return_key_hash: Buffer | null;
    sent_at: Generated<Date>;
    is_refused: Generated<boolean>;
    /** The mail server's response. */
    response: Generated<string>;
  };
}
