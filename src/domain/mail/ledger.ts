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

/**
 * Records that the mail server has accepted mails. Commits synchronously, to survive a power cut. Leaves out mails to accounts
 * that were erased while they were sent.
 */
export async function recordDeliveries(db: Db, deliveries: readonly Delivery[]): Promise<void> {
  const column = <Key extends keyof Delivery>(key: Key) => deliveries.map((delivery) => delivery[key]);
  const keyHashes = column('returnKey').map((key) => (key === undefined ? null : hashToken(key)));
  await sql`
    insert into mail_deliveries (job_id, user_id, template, message_id, sent_to, return_key_hash)
    select job_id, sent.user_id, template, message_id, sent_to, return_key_hash
    from set_config('synchronous_commit', 'on', true), unnest(
      ${column('jobId')}::uuid[], ${column('userId')}::integer[], ${column('template')}::text[],
      ${column('messageId')}::text[], ${column('sentTo')}::text[], ${keyHashes}::bytea[]
    ) as sent (job_id, user_id, template, message_id, sent_to, return_key_hash)
    where exists (select from users where id = sent.user_id)
    on conflict (job_id) do nothing
  `.execute(db);
}
