import { sql } from 'kysely';
import type { BatchCounts } from './contract.ts';
import { countMembers, isOver, release } from './flow-table.ts';
import type { Db } from './tables.ts';
import { type Notify, notifyWithCommit, WORKERS_CHANNEL } from './wake.ts';

/** The most jobs in a batch. */
export const MAX_MEMBERS = 1_000_000;

/**
 * A batch ends after this many days at the latest: longer than a mail is retried, and before ended jobs are deleted, because
 * they are counted at its end.
 */
const MAX_DAYS_OPEN = 6;

/** Batches ended per transaction. */
const AT_A_TIME = 20;

/** The counts in the payload until the batch has ended. */
export const NO_COUNTS: BatchCounts = { done: 0, failed: 0, cancelled: 0, unfinished: 0 };

/** Jobs whose end starts another. */
export interface Batch {
  readonly id: string;
  /** Whether jobs can still be added. */
  readonly isOpen: boolean;
}

/** Records a batch, unless its id exists. Returns whether it was new. */
export async function recordBatch(
  db: Db,
  { id, queue, jobId }: { id: string; queue: string; jobId: string },
): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await db
    .insertInto('job_batches')
    .values({ id, queue, job_id: jobId })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirstOrThrow();
  return numInsertedOrUpdatedRows === 1n;
}

export async function findBatch(db: Db, id: string): Promise<Batch> {
  const { isOpen } = await db
    .selectFrom('job_batches')
    .select(sql<boolean>`closed_at is null and ended_at is null`.as('isOpen'))
    .where('id', '=', id)
    .executeTakeFirstOrThrow();
  return { id, isOpen };
}

/**
 * Counts jobs that are about to be added. Locks the batch, so that it cannot end before they are enqueued.
 *
 * @throws TypeError if the batch is closed or would be too large
 */
export async function addMembers(db: Db, { id }: Batch, count: number): Promise<void> {
  const { numUpdatedRows } = await db
    .updateTable('job_batches')
    .set({ members: sql`members + ${count}` })
    .where('id', '=', id)
    .where('closed_at', 'is', null)
    .where('ended_at', 'is', null)
    .where('members', '<=', MAX_MEMBERS - count)
    .executeTakeFirstOrThrow();
  if (numUpdatedRows === 0n)
    throw new TypeError(`batch ${id}: is closed, or would have more than ${MAX_MEMBERS} jobs`);
}

/** Closes a batch, which then ends as soon as all its jobs have. */
export async function closeBatch(db: Db, { id }: Batch): Promise<void> {
  await db
    .updateTable('job_batches')
    .set({ closed_at: sql`now()` })
    .where('id', '=', id)
    .where('closed_at', 'is', null)
    .execute();
}

/**
 * Ends batches and starts their last jobs, each exactly once and with its counts, even if several workers call this at the same
 * time. It reads the jobs' states, so it misses no end, whether caused by a supervisor, an operator or a worker that died since.
 */
export async function endBatches(db: Db, notify: Notify = notifyWithCommit): Promise<void> {
  const waiting = db.selectFrom('job_batches').select('id').where('ended_at', 'is', null).limit(1);
  if ((await waiting.executeTakeFirst()) === undefined) return;
  const isDue = sql<boolean>`(closed_at is not null and ${isOver(sql`job_batches.id`)}
    or created_at < now() - make_interval(days => ${MAX_DAYS_OPEN}))`;
  await db.transaction().execute(async (trx) => {
    const ended = await trx
      .updateTable('job_batches')
      .set({ ended_at: sql`now()` })
      .where(
        ({ selectFrom }) =>
          sql<boolean>`id = any(array(${selectFrom('job_batches')
            .select('id')
            .where('ended_at', 'is', null)
            .where(isDue)
            .limit(AT_A_TIME)
            .forUpdate()
            .skipLocked()}))`,
      )
      .returning(['id', 'queue', 'job_id as jobId', 'members'])
      .execute();
    for (const { id, queue, jobId, members } of ended) {
      await release(trx, { queue, jobId, counts: await countMembers(trx, id, members) });
      await notify(trx, WORKERS_CHANNEL, [queue]);
    }
  });
}
