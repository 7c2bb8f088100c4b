import { sql } from 'kysely';
import type { mailQueue, PayloadOf } from '../../queues.ts';
import type { Db, TokenPurpose } from '../../schema.ts';
import { mintToken } from '../token.ts';
import { mailTemplates } from './templates.ts';

/** One mail that is to be written. */
export interface MailRequest {
  /** Of its job. */
  readonly id: string;
  readonly payload: PayloadOf<typeof mailQueue>;
}

const HOUR = 60 * 60;
const DAY = 24 * HOUR;

/** How long a mailed link works, in seconds. A mail that can be unsubscribed from may be found again months later. */
const LIFETIMES: Record<TokenPurpose, number> = {
  'confirm-account': HOUR,
  'reset-password': HOUR,
  'change-email': HOUR,
  'undo-email-change': 3 * DAY,
  'download-export': 7 * DAY,
  'stop-digest': 90 * DAY,
  'stop-comment-mails': 90 * DAY,
};

export interface PreparedMail {
  /** The account, or undefined when it is gone, or when the change of email is gone or completed. */
  readonly recipient:
    | { readonly email: string; readonly username: string; readonly isConfirmed: boolean }
    | undefined;
  /** Whether the mail server has accepted this mail before. */
  readonly isDelivered: boolean;
  /** The link's token, good from now on. Empty without a purpose. */
  readonly token: string;
}

/**
 * Loads who mails go to, looks each up in the ledger, and mints their tokens: one statement for any number of mails.
 * A token is random, stored as a hash, and given only to the mail.
 *
 * @returns what each request needs, in the order of the requests
 */
export async function prepareMails(
  db: Db,
  requests: readonly MailRequest[],
): Promise<readonly PreparedMail[]> {
  if (requests.length === 0) return [];
  const payloads = requests.map(({ payload }) => payload);
  const recipients = payloads.map(({ template }) => mailTemplates[template].recipient);
  const purposes = payloads.map(({ template }) => mailTemplates[template].purpose);
  const tokens = purposes.map((purpose) => (purpose === undefined ? undefined : mintToken()));
  const { rows } = await sql<{
    email: string | null;
    username: string;
    isConfirmed: boolean;
    isDelivered: boolean;
  }>`
    with request as (
      select * from unnest(
        ${requests.map(({ id }) => id)}::uuid[], ${payloads.map(({ userId }) => userId)}::integer[],
        ${payloads.map(({ emailChangeId }) => emailChangeId ?? null)}::integer[],
        ${purposes.map((purpose) => purpose ?? null)}::text[],
        ${purposes.map((purpose) => purpose && LIFETIMES[purpose])}::integer[],
        ${tokens.map((token) => token?.hash ?? null)}::bytea[],
        ${payloads.map(({ exportId }) => exportId ?? null)}::integer[],
        ${recipients.map((recipient) => recipient ?? null)}::text[]
      ) with ordinality as request
        (job_id, user_id, email_change_id, purpose, lifetime, token_hash, export_id, recipient, position)
    ),
    found as (
      select request.*, users.username, users.confirmed_at is not null as is_confirmed,
        case recipient
          when 'new' then case when completed_at is null then new_email end
          when 'old' then old_email
          else users.email
        end as email,
        mail_deliveries.job_id is not null as is_delivered
      from request
      left join users on users.id = request.user_id
      left join email_changes on email_changes.id = request.email_change_id
      left join mail_deliveries on mail_deliveries.job_id = request.job_id
    ),
    minted as (
      insert into mailed_tokens (token_hash, user_id, purpose, email_change_id, export_id, expires_at)
      select token_hash, user_id, purpose, email_change_id, export_id, now() + make_interval(secs => lifetime)
      from found where purpose is not null and email is not null and not is_delivered
    )
    select email, username, is_confirmed as "isConfirmed", is_delivered as "isDelivered"
    from found order by position
  `.execute(db);
  return rows.map(({ email, username, isConfirmed, isDelivered }, index) => ({
    recipient: email === null ? undefined : { email, username, isConfirmed },
    isDelivered,
    token: tokens[index]?.token ?? '',
  }));
}
