import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { hashToken } from '../token.ts';
import type { SentMail } from './bounce.ts';

export interface Delivery extends SentMail {
  readonly jobId: string;
  readonly messageId: string;
  /** Undefined if bounces are not handled. */
  readonly returnKey: string | undefined;
  /** Whether the mail server refused the mail permanently instead of accepting it. */
  readonly isRefused: boolean;
  /** The mail server's response. */
  readonly response: string;
}

/** Characters of a response that are kept. RFC 5321 (4.5.3.1.5) allows about as many per line. */
const MAX_RESPONSE = 500;

/**
 * Records that the mail server accepted or refused a mail. Commits synchronously, to survive a power cut. A refused mail may
 * be sent again; an accepted one may not.
 */
export async function recordDelivery(
  db: Db,
  { jobId, userId, subscriptionId, template, messageId, sentTo, returnKey, isRefused, response }: Delivery,
): Promise<void> {
  const kept = response.replaceAll('\0', '').slice(0, MAX_RESPONSE);
  await sql`
    insert into mail_deliveries as earlier
      (job_id, user_id, subscription_id, template, message_id, sent_to, return_key_hash, is_refused, response)
    select ${jobId}::uuid, ${userId}::integer, ${subscriptionId}::integer, ${template}::text, ${messageId}::text, ${sentTo}::text,
      ${returnKey === undefined ? null : hashToken(returnKey)}::bytea, ${isRefused}::boolean, ${kept}::text
    from set_config('synchronous_commit', 'on', true)
    on conflict (job_id) do update set
      sent_to = excluded.sent_to, return_key_hash = excluded.return_key_hash, is_refused = excluded.is_refused,
      response = excluded.response, sent_at = excluded.sent_at
      where earlier.is_refused
  `.execute(db);
}

const MAX_LISTED = 20;

/** A mail to an account, as Administrators see it. */
export interface ListedMail {
  readonly jobId: string;
  readonly template: string;
  readonly sentTo: string;
  /** When the mail server accepted or refused it. */
  readonly at: Date;
  readonly isRefused: boolean;
  /** The mail server's response. */
  readonly response: string;
}

/** Lists an account's newest mails. Those that the mail server has not answered yet are among the jobs. */
export function listMails(db: Db, userId: number): Promise<ListedMail[]> {
  return db
    .selectFrom('mail_deliveries')
    .select(['job_id as jobId', 'template', 'sent_to as sentTo', 'sent_at as at'])
    .select(['is_refused as isRefused', 'response'])
    .where('user_id', '=', userId)
    .orderBy('sent_at', 'desc')
    .limit(sql.lit(MAX_LISTED))
    .execute();
}
