import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { hashToken } from '../token.ts';

export interface Delivery {
  readonly jobId: string;
  readonly userId: number;
  readonly template: string;
  readonly messageId: string;
  readonly sentTo: string;
  /** Undefined if bounces are not handled. */
  readonly returnKey: string | undefined;
}

/** Records that the mail server has accepted a mail. Commits synchronously, to survive a power cut. */
export async function recordDelivery(
  db: Db,
  { jobId, userId, template, messageId, sentTo, returnKey }: Delivery,
): Promise<void> {
  await sql`
    insert into mail_deliveries (job_id, user_id, template, message_id, sent_to, return_key_hash)
    select ${jobId}::uuid, ${userId}::integer, ${template}::text, ${messageId}::text, ${sentTo}::text,
      ${returnKey === undefined ? null : hashToken(returnKey)}::bytea
    from set_config('synchronous_commit', 'on', true)
    on conflict (job_id) do nothing
  `.execute(db);
}
