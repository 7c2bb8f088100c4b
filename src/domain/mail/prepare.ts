import { sql } from 'kysely';
import type { mailQueue, PayloadOf } from '../../queue/contracts.ts';
import type { Db, TokenPurpose } from '../../schema.ts';
import { accountIdOf } from '../accounts/find.ts';
import { mintToken } from '../token.ts';
import { type MailTemplateName, mailTemplates } from './templates.ts';

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

/** These links prove that whoever opens them owns the address, so they are worth nothing once it has changed. */
const BOUND_TO_ADDRESS: ReadonlySet<TokenPurpose> = new Set(['confirm-account', 'reset-password']);

/** These mails ask whether an address is somebody's. One that has an account already is told so instead. */
const CLAIMING_ADDRESS: ReadonlySet<TokenPurpose> = new Set(['confirm-account', 'change-email']);

export interface PreparedMail {
  /** What the mail is: `address-in-use` where the address to be proven is another account's. */
  readonly template: MailTemplateName;
  /** The account, or undefined when there is none, or when the change of email is gone or completed. */
  readonly recipient:
    | {
        readonly id: number;
        readonly email: string;
        readonly username: string;
        readonly isConfirmed: boolean;
      }
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
  const drafts = requests.map(({ id, payload }) => {
    const { purpose, recipient } = mailTemplates[payload.template];
    return { id, ...payload, purpose, recipient, minted: purpose === undefined ? undefined : mintToken() };
  });
  const { rows } = await sql<MailRow>`
    with request as (
      select * from unnest(
        ${drafts.map(({ id }) => id)}::uuid[], ${drafts.map(({ template }) => template)}::text[],
        ${drafts.map(({ userId }) => userId ?? null)}::integer[],
        ${drafts.map(({ passwordResetId }) => passwordResetId ?? null)}::integer[],
        ${drafts.map(({ emailChangeId }) => emailChangeId ?? null)}::integer[],
        ${drafts.map(({ exportId }) => exportId ?? null)}::integer[],
        ${drafts.map(({ recipient }) => recipient ?? null)}::text[],
        ${drafts.map(({ purpose }) => purpose ?? null)}::text[],
        ${drafts.map(({ purpose }) => purpose && LIFETIMES[purpose])}::integer[],
        ${drafts.map(({ purpose }) => purpose !== undefined && BOUND_TO_ADDRESS.has(purpose))}::boolean[],
        ${drafts.map(({ purpose }) => purpose !== undefined && CLAIMING_ADDRESS.has(purpose))}::boolean[],
        ${drafts.map(({ minted }) => minted?.hash ?? null)}::bytea[]
      ) with ordinality as request (job_id, template, user_id, password_reset_id, email_change_id, export_id,
        recipient, purpose, lifetime, is_bound, is_claiming, token_hash, position)
    ),
    addressed as (
      select request.*, account.id as account_id, account.username, account.confirmed_at,
        case recipient
          when 'new' then case when completed_at is null then new_email end
          when 'old' then old_email
          else account.email
        end as email
      from request
      left join password_resets on password_resets.id = request.password_reset_id
      left join users as account on account.id = case
        when request.password_reset_id is null then request.user_id
        else ${accountIdOf(sql.ref('password_resets.email'))}
      end
      left join email_changes on email_changes.id = request.email_change_id
    ),
    found as (
      select addressed.*, owner.id as owner_id, owner.username as owner_username, owner.email as owner_email,
        mail_deliveries.job_id is not null as is_delivered
      from addressed
      left join users as owner on is_claiming and lower(owner.email) = lower(addressed.email)
        and owner.confirmed_at is not null and owner.id <> account_id
      left join mail_deliveries on mail_deliveries.job_id = addressed.job_id
    ),
    minted as (
      insert into mailed_tokens (token_hash, user_id, purpose, sent_to, email_change_id, export_id, expires_at)
      select token_hash, account_id, purpose, case when is_bound then email end, email_change_id, export_id,
        now() + make_interval(secs => lifetime)
      from found where purpose is not null and email is not null and owner_id is null and not is_delivered
    )
    select case when owner_id is null then template else 'address-in-use' end as template,
      coalesce(owner_id, account_id) as id, coalesce(owner_email, email) as email,
      coalesce(owner_username, username) as username, confirmed_at is not null as "isConfirmed",
      is_delivered as "isDelivered"
    from found order by position
  `.execute(db);
  return rows.map(({ template, email, isDelivered, ...account }, index) => ({
    template,
    recipient: email === null ? undefined : { email, ...account },
    isDelivered,
    token: drafts[index]?.minted?.token ?? '',
  }));
}

interface MailRow {
  readonly template: MailTemplateName;
  readonly id: number;
  readonly email: string | null;
  readonly username: string;
  readonly isConfirmed: boolean;
  readonly isDelivered: boolean;
}
