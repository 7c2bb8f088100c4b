import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { type Batch, newShare, type Progress, type Queue, type Share } from '../../queue/index.ts';
import { BULK_MAIL_PRIORITY, digestSummaryQueue, mailQueue } from '../../queues.ts';
import { rowCount } from '../page.ts';

/** Recipients per transaction. */
const BATCH_SIZE = 500;

/**
 * Enqueues last week's digest for everyone who wants it and has not been sent it. Safe to repeat: each batch records its
 * recipients in the transaction that enqueues their mails. When all mails have ended, the operator gets a summary.
 *
 * @param options.timeZone where weeks begin
 * @param options.batchId the id of the mails' batch, the same for each attempt
 * @param options.signal stops between two batches
 * @param options.progress is told how many people were considered
 * @returns the number of mails enqueued
 */
export async function sendDigests(
  { db, queue }: { db: Db; queue: Queue },
  {
    timeZone,
    batchId,
    signal,
    progress,
  }: { timeZone: string; batchId: string; signal: AbortSignal; progress?: Progress },
): Promise<number> {
  const week = await lastWeek(db, timeZone);
  const batch = await db
    .transaction()
    .execute((trx) => queue.startBatch(digestSummaryQueue, { week }, { db: trx, id: batchId }));
  if (!batch.isOpen) return 0; // The attempt before this one was killed after all its work.
  const count = await countRecipients(db);
  const share = newShare();
  let total = 0;
  let considered = 0;
  for (let afterId = 0; ; ) {
    const people = await db
      .selectFrom('users')
      .select('id')
      .where('wants_digest', '=', true)
      .where('confirmed_at', 'is not', null)
      .where('id', '>', afterId)
      .orderBy('id')
      .limit(BATCH_SIZE)
      .execute({ signal });
    const last = people.at(-1);
    if (last === undefined) break;
    const userIds = people.map(({ id }) => id);
    total += await enqueueMails({ db, queue }, { week, share, batch, userIds });
    considered += people.length;
    progress?.(considered, Math.max(considered, count), 'people');
    afterId = last.id;
  }
  await queue.closeBatch(batch, { db });
  return total;
}

async function countRecipients(db: Db): Promise<number> {
  const { count } = await db
    .selectFrom('users')
    .select(rowCount.as('count'))
    .where('wants_digest', '=', true)
    .where('confirmed_at', 'is not', null)
    .executeTakeFirstOrThrow();
  return count;
}

async function enqueueMails(
  { db, queue }: { db: Db; queue: Queue },
  { week, share, batch, userIds }: { week: string; share: Share; batch: Batch; userIds: readonly number[] },
): Promise<number> {
  return db.transaction().execute(async (trx) => {
    const recipients = await trx
      .insertInto('digests')
      .values(userIds.map((userId) => ({ user_id: userId, week })))
      .onConflict((conflict) => conflict.doNothing())
      .returning('user_id as userId')
      .execute();
    const mails = recipients.map(({ userId }) => ({ template: 'weekly-digest' as const, userId, week }));
    await queue.sendAll(mailQueue, mails, { db: trx, priority: BULK_MAIL_PRIORITY, share, batch });
    return recipients.length;
  });
}

/** The Monday of the last whole week in a time zone. */
async function lastWeek(db: Db, timeZone: string): Promise<string> {
  const { rows } = await sql<{ week: string }>`
    select to_char(date_trunc('week', now() at time zone ${timeZone}) - interval '1 week', 'YYYY-MM-DD') as week
  `.execute(db);
  return rows[0]?.week ?? '';
}
