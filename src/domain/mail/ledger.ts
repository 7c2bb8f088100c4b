import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';

export interface Delivery {
  readonly jobId: string;
  readonly userId: number;
  readonly template: string;
  readonly messageId: string;
}

/** Records that the mail server has accepted these mails. Commits synchronously, to survive a power cut. */
export async function recordDeliveries(db: Db, deliveries: readonly Delivery[]): Promise<void> {
  const column = (name: keyof Delivery) => deliveries.map((delivery) => delivery[name]);
  await sql`
    insert into mail_deliveries (job_id, user_id, template, message_id)
    select delivery.job_id, delivery.user_id, delivery.template, delivery.message_id from
      unnest(${column('jobId')}::uuid[], ${column('userId')}::integer[], ${column('template')}::text[],
        ${column('messageId')}::text[]) as delivery (job_id, user_id, template, message_id),
      set_config('synchronous_commit', 'on', true)
    on conflict (job_id) do nothing
  `.execute(db);
}
