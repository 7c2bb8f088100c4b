import { sql } from 'kysely';
import type { TokenPurpose } from '../../database/account-tables.ts';
import type { Db } from '../../database/schema.ts';
import type { mailQueue, PayloadOf } from '../../queue/contracts.ts';
import { accountIdOf } from '../accounts/find.ts';
import { mintToken } from '../token.ts';
import { type MailTemplateName, mailTemplates } from './templates.ts';

/** A mail to be written. */
export interface MailRequest {
  /** The id of its job. */
  readonly id: string;
  readonly payload: PayloadOf<typeof mailQueue>;
}

const HOUR = 60 * 60;
const DAY = 24 * HOUR;

/** How long mailed links are valid, in seconds. Unsubscribe links last, because people open old mail. */
const LIFETIMES: Record<TokenPurpose, number> = {
  'confirm-account': HOUR,
  'reset-password': HOUR,
  'change-email': HOUR,
  'undo-email-change': 3 * DAY,
  'download-export': 7 * DAY,
  'stop-digest': 90 * DAY,
  'stop-comment-mails': 90 * DAY,
};

/** These links prove ownership of the address, so they become invalid when it changes. */
const BOUND_TO_ADDRESS: ReadonlySet<TokenPurpose> = new Set(['confirm-account', 'reset-password']);

/** These mails claim an address. If it already has an account, its owner gets `address-in-use` instead. */
const CLAIMING_ADDRESS: ReadonlySet<TokenPurpose> = new Set(['confirm-account', 'change-email']);

export interface PreparedMail {
  /** The template: `address-in-use` if another account has the claimed address. */
  readonly template: MailTemplateName;
  /** Undefined if there is no account, or the change of email was cancelled or completed. */
  readonly recipient:
    | {
        readonly id: number;
        readonly email: string;
        readonly username: string;
        readonly isConfirmed: boolean;
      }
    | undefined;
  /** Whether the mail server has already accepted this mail. */
  readonly isDelivered: boolean;
  /** The link's token, or an empty string for a mail without one. */
  readonly token: string;
}

/**
 * Loads the recipients of a batch of mails, checks the ledger and mints the links' tokens, all in one statement.
 *
 * @returns the prepared mails, in the order of the requests
 */
export async function prepareMails(
  db: Db,
  requests: readonly MailRequest[],
): Promise<readonly PreparedMail[]> {
  if (requests.length === 0) return [];
  const drafts = requests.map(draftOf);
  const { rows } = await sql<MailRow>`
    with request as (${selectRequests(drafts.map(({ row }) => row))}),
    addressed as (
      select request.*, account.id as account_id, account.username, account.confirmed_at,
        case recipient
          when 'new' then case when completed_at is null then new_email end
          when 'old' then old_email
          else account.email
        end as email
      from request
      left join password_resets on password_resets.id = "passwordResetId"
      left join email_changes on email_changes.id = "emailChangeId"
      left join users as account on account.id = coalesce(
        "userId", email_changes.user_id, ${accountIdOf(sql.ref('password_resets.email'))}
      )
    ),
    found as (
      select addressed.*, owner.id as owner_id, owner.username as owner_username, owner.email as owner_email,
        mail_deliveries.job_id is not null as is_delivered
      from addressed
      left join users as owner on "isClaiming" and lower(owner.email) = lower(addressed.email)
        and owner.confirmed_at is not null and owner.id <> account_id
      left join mail_deliveries on mail_deliveries.job_id = "jobId"
    ),
    minted as (
      insert into mailed_tokens (token_hash, user_id, purpose, sent_to, email_change_id, export_id, expires_at)
      select "tokenHash", account_id, purpose, case when "isBound" then email end, "emailChangeId", "exportId",
        now() + make_interval(secs => lifetime)
      from found where purpose is not null and email is not null and owner_id is null and not is_delivered
    )
    select case when owner_id is null then template else 'address-in-use' end as template,
      coalesce(owner_id, account_id) as id, coalesce(owner_email, email) as email,
      coalesce(owner_username, username) as username, confirmed_at is not null as "isConfirmed",
      is_delivered as "isDelivered"
    from found order by ordinality
  `.execute(db);
  return rows.map(({ template, email, isDelivered, ...account }, index) => ({
    template,
    recipient: email === null ? undefined : { email, ...account },
    isDelivered,
    token: drafts[index]?.token ?? '',
  }));
}

/** A request as a row for the statement, and the token whose hash the row has. */
function draftOf({ id: jobId, payload }: MailRequest): { row: object; token: string } {
  const { purpose, recipient } = mailTemplates[payload.template];
  if (purpose === undefined) return { row: { ...payload, jobId, recipient }, token: '' };
  const { token, hash } = mintToken();
  const row = {
    ...payload,
    jobId,
    recipient,
    purpose,
    lifetime: LIFETIMES[purpose],
    isBound: BOUND_TO_ADDRESS.has(purpose),
    isClaiming: CLAIMING_ADDRESS.has(purpose),
    tokenHash: `\\x${hash.toString('hex')}`,
  };
  return { row, token };
}

/** The requests' rows as a table. PostgreSQL expects a hundred rows of JSON, and would read all users for them. */
function selectRequests(rows: readonly object[]) {
  return sql`
    select * from rows from (
      jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as (
        "jobId" uuid, template text, "userId" integer, "passwordResetId" integer, "emailChangeId" integer,
        "exportId" integer, recipient text, purpose text, lifetime integer, "isBound" boolean,
        "isClaiming" boolean, "tokenHash" bytea
      )
    ) with ordinality
    limit ${sql.lit(rows.length)}
  `;
}

interface MailRow {
  readonly template: MailTemplateName;
  readonly id: number;
  readonly email: string | null;
  readonly username: string;
  readonly isConfirmed: boolean;
  readonly isDelivered: boolean;
}
