import { randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { rowCount } from '../page.ts';
import { hashToken } from '../token.ts';
import { reportsBadAddress } from './delivery-status.ts';
import type { MailTemplateName } from './templates.ts';

/** A mail that was sent, or that the mail server refused. */
export interface SentMail {
  /** Either the account or the subscription that it went to; the other is null. */
  readonly userId: number | null;
  readonly subscriptionId: number | null;
  readonly template: string;
  readonly sentTo: string;
}

/** Mails that a stranger can request for any address. */
const REQUESTED: ReadonlySet<string> = new Set<MailTemplateName>([
  'confirm-account',
  'change-email',
  'address-in-use',
  'reset-password',
]);

/**
 * Generates the key in the address that a mail's bounces go to. Only those who handle the mail know it, so nobody else can
 * report an address. It is in hexadecimal, because mail servers may not preserve upper case.
 */
export function mintReturnKey(): string {
  return randomBytes(21).toString('hex');
}

/**
 * Records that an address does not exist, unless the account has a different one by now. Its owner is told on every page. A
 * confirmed subscription ends; an unconfirmed one stays, to prevent another mail on the same day.
 *
 * A stranger who entered the address must not learn whether it has an account. A mail that strangers can request therefore
 * marks every account with the address; any other mail only marks its recipient's.
 */
export async function recordBounce(
  db: Db,
  { userId, subscriptionId, template, sentTo }: SentMail,
): Promise<void> {
  if (subscriptionId !== null) {
    await db
      .deleteFrom('subscriptions')
      .where('id', '=', subscriptionId)
      .where('confirmed_at', 'is not', null)
      .execute();
    return;
  }
  const isSentTo = sql`lower(email) = lower(${sentTo})`;
  // One condition for each index.
  const isAffected = REQUESTED.has(template)
    ? sql`(${isSentTo} and confirmed_at is not null) or (${isSentTo} and confirmed_at is null)`
    : sql`id = ${userId} and ${isSentTo}`;
  await sql`update users set email_bounced_at = now() where ${isAffected}`.execute(db);
}

/**
 * Records a bounce if a returned mail reports that the address does not exist.
 *
 * @param key from the address that it was returned to
 * @returns the result, for the log
 * @throws DomainError `unrenderable` if it is not a mail message
 */
export async function receiveBounce(
  db: Db,
  key: string,
  mail: Uint8Array,
): Promise<'recorded' | 'no hard bounce' | 'unknown key'> {
  const sent = await db
    .selectFrom('mail_deliveries')
    .select(['user_id as userId', 'subscription_id as subscriptionId', 'template', 'sent_to as sentTo'])
    .where('return_key_hash', '=', hashToken(key.toLowerCase()))
    .executeTakeFirst();
  if (sent === undefined) return 'unknown key';
  if (!(await reportsBadAddress(mail))) return 'no hard bounce';
  await recordBounce(db, sent);
  return 'recorded';
}

/** Allows mail to an address again, because its owner says that it works. */
export async function forgiveBounce(db: Db, userId: number): Promise<void> {
  await db.updateTable('users').set({ email_bounced_at: null }).where('id', '=', userId).execute();
}

/** How many accounts have an address that does not exist. */
export async function countBounced(db: Db): Promise<number> {
  const { count } = await db
    .selectFrom('users')
    .select(rowCount.as('count'))
    .where('email_bounced_at', 'is not', null)
    .executeTakeFirstOrThrow();
  return count;
}
