import type { Db } from '../../schema.ts';

/** Whether the mail server has accepted the mail of this job. */
export async function isDelivered(db: Db, jobId: string): Promise<boolean> {
  const row = await db
    .selectFrom('mail_deliveries')
    .select('job_id')
    .where('job_id', '=', jobId)
    .executeTakeFirst();
  return row !== undefined;
}

export interface Delivery {
  readonly jobId: string;
  readonly userId: number;
  readonly template: string;
  readonly messageId: string;
}

/** Writes down that the mail server has accepted a mail. */
export async function recordDelivery(
  db: Db,
  { jobId, userId, template, messageId }: Delivery,
): Promise<void> {
  await db
    .insertInto('mail_deliveries')
    .values({ job_id: jobId, user_id: userId, template, message_id: messageId })
    .onConflict((conflict) => conflict.column('job_id').doNothing())
    .execute();
}
