import { type RawBuilder, sql } from 'kysely';
import type { TokenPurpose } from '../../database/account-tables.ts';
import type { Db } from '../../database/schema.ts';
import type { PayloadOf } from '../../queue/index.ts';
import type { mailQueue } from '../../queues.ts';
import { accountIdOf } from '../accounts/find.ts';
import { hashToken, mintToken } from '../token.ts';
import { type MailTemplateName, mailTemplates } from './templates.ts';

const HOUR = 60 * 60;
const DAY = 24 * HOUR;

/** How long mailed links are valid, in seconds after the attempt that sends them. */
const LIFETIMES: Record<TokenPurpose, number> = {
  'confirm-account': HOUR,
  'reset-password': HOUR,
  'change-email': HOUR,
  'undo-email-change': 3 * DAY,
  'undo-deletion': 7 * DAY,
  'download-export': 7 * DAY,
  'confirm-subscription': 7 * DAY,
};

/** These links prove ownership of an address, so they become invalid when the account's address changes. */
const BOUND_TO_ADDRESS: ReadonlySet<TokenPurpose> = new Set(['confirm-account', 'reset-password']);

/** These mails claim an address. If it already has an account, its owner gets `address-in-use` instead. */
const CLAIMING_ADDRESS: ReadonlySet<TokenPurpose> = new Set(['confirm-account', 'change-email']);

export interface PreparedMail {
  /** `address-in-use` if another account has confirmed the claimed address. */
  readonly template: MailTemplateName;
  /**
   * Missing if there is no account or no subscription, or the change of email was cancelled or completed. A subscription has
   * no username.
   */
  readonly recipient?: {
    readonly id: number;
    readonly email: string;
    readonly username: string;
    readonly isConfirmed: boolean;
    /** Whether mail to the account's address has bounced. */
    readonly isBouncing: boolean;
    readonly unsubscribeKey: string;
  };
  /** Whether the mail server has already accepted this mail. */
  readonly isDelivered: boolean;
  /** The link's token, or an empty string for a mail without one. */
  readonly token: string;
}

/**
 * Loads a mail's recipient, checks the ledger and mints the link's token, all in one statement.
 *
 * @param options.earlier the token of an earlier attempt. It is used again unless it was consumed or no longer fits.
 */
export async function prepareMail(
  db: Db,
  jobId: string,
  payload: PayloadOf<typeof mailQueue>,
  { earlier }: { earlier?: string | undefined } = {},
): Promise<PreparedMail> {
  const { template } = payload;
  const { purpose } = mailTemplates[template];
  const link = purpose && { ...mintToken(), purpose };
  const isClaiming = purpose !== undefined && CLAIMING_ADDRESS.has(purpose);
  const { rows } = await sql<MailRow>`
    with addressed as (${accountOf(payload)}),
    found as (
      select account_id, addressed.username, addressed.email, addressed.confirmed_at,
        addressed.email_bounced_at, addressed.unsubscribe_key,
        owner.id as owner_id, owner.username as owner_username, owner.email as owner_email,
        exists (select from mail_deliveries where job_id = ${jobId} and not is_refused) as is_delivered
      from addressed
      left join users as owner on ${isClaiming ? sql`lower(owner.email) = lower(addressed.email)` : sql`false`}
        and owner.confirmed_at is not null and owner.id <> account_id
    )
    ${link === undefined ? sql`` : sql`, ${writeToken(payload, { ...link, earlier })}`}
    select owner_id is not null as "isTaken", coalesce(owner_id, account_id) as id,
      coalesce(owner_email, email) as email, coalesce(owner_username, username) as username,
      confirmed_at is not null as "isConfirmed", email_bounced_at is not null as "isBouncing", is_delivered as "isDelivered",
      unsubscribe_key as "unsubscribeKey", ${link === undefined ? sql`false` : sql`exists (select from renewed)`} as "isRenewed"
    from found
  `.execute(db);
  const [row] = rows;
  if (row === undefined || row.email === null)
    return { template, isDelivered: row?.isDelivered ?? false, token: '' };
  const { isTaken, isDelivered, isRenewed, email, ...account } = row;
  return {
    template: isTaken ? 'address-in-use' : template,
    recipient: { email, ...account },
    isDelivered,
    token: (isRenewed ? earlier : link?.token) ?? '',
  };
}

/** Deletes the token of a mail that has not been sent; the next attempt mints its own. */
export async function forgetToken(db: Db, token: string): Promise<void> {
  await db.deleteFrom('mailed_tokens').where('token_hash', '=', hashToken(token)).execute();
}

/** The account or subscription of a mail, and its address; null if the mail is no longer needed. */
function accountOf(payload: PayloadOf<typeof mailQueue>): RawBuilder<unknown> {
  const account = sql`account.id as account_id, account.username, account.confirmed_at,
    account.email_bounced_at, account.unsubscribe_key`;
  if ('userId' in payload) {
    return sql`select ${account}, email from users as account where id = ${payload.userId}`;
  }
  if ('subscriptionId' in payload) {
    return sql`
      select id as account_id, '' as username, confirmed_at, null::timestamptz as email_bounced_at, unsubscribe_key, email
      from subscriptions where id = ${payload.subscriptionId}`;
  }
  if ('passwordResetId' in payload) {
    return sql`
      select ${account}, account.email from password_resets as reset
      join users as account on account.id = ${accountIdOf(sql.ref('reset.email'))}
      where reset.id = ${payload.passwordResetId}`;
  }
  const isToNew = mailTemplates[payload.template].recipient === 'new';
  return sql`
    select ${account}, ${isToNew ? sql`case when completed_at is null then new_email end` : sql`old_email`} as email
    from email_changes as change join users as account on account.id = change.user_id
    where change.id = ${payload.emailChangeId}`;
}

/**
 * Extends the earlier token, or else inserts a new one. Does nothing if the mail will not be sent. Commits synchronously,
 * because the link in a sent mail must work even after a power cut or a failover.
 */
function writeToken(
  payload: PayloadOf<typeof mailQueue>,
  { hash, purpose, earlier }: { hash: Buffer; purpose: TokenPurpose; earlier: string | undefined },
): RawBuilder<unknown> {
  const emailChangeId = 'emailChangeId' in payload ? payload.emailChangeId : null;
  const exportId = 'exportId' in payload ? payload.exportId : null;
  const owner = sql.ref('subscriptionId' in payload ? 'subscription_id' : 'user_id');
  const sentTo = BOUND_TO_ADDRESS.has(purpose) ? sql`email` : sql`null`;
  const expiresAt = sql`now() + make_interval(secs => ${LIFETIMES[purpose]})`;
  return sql`
    recipient as (
      select account_id, email from found, set_config('synchronous_commit', 'on', true)
      where email is not null and owner_id is null and not is_delivered
      ${exportId === null ? sql`` : sql`and exists (select from data_exports where id = ${exportId})`}
    ), renewed as (
      update mailed_tokens set expires_at = ${expiresAt} from recipient
      where token_hash = ${earlier === undefined ? null : hashToken(earlier)} and ${owner} = account_id
        and sent_to is not distinct from ${sentTo}
      returning token_hash
    ), minted as (
      insert into mailed_tokens (token_hash, ${owner}, purpose, sent_to, email_change_id, export_id, expires_at)
      select ${hash}, account_id, ${purpose}, ${sentTo}, ${emailChangeId}::integer, ${exportId}::integer, ${expiresAt}
      from recipient where not exists (select from renewed)
    )`;
}

interface MailRow {
  readonly isRenewed: boolean;
  readonly unsubscribeKey: string;
  readonly isTaken: boolean;
  readonly id: number;
  readonly email: string | null;
  readonly username: string;
  readonly isConfirmed: boolean;
  readonly isBouncing: boolean;
  readonly isDelivered: boolean;
}
