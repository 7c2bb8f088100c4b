import { sql } from 'kysely';
import type { BatchCounts } from './contract.ts';
import { countMembers, isOver, release } from './flow-table.ts';
import type { Db } from './tables.ts';
import { type Notify, notifyWithCommit, WORKERS_CHANNEL } from './wake.ts';

/** Jobs of a batch at most. */
export const MOST_MEMBERS = 1_000_000;

/**
 * A batch ends this many days after its start at the latest. Longer than a mail is tried, and shorter than ended jobs are
 * kept, because they are counted at its end.
 */
export const MOST_DAYS_OPEN = 6;

/** Batches that end in one transaction. */
const AT_A_TIME = 20;

/** What the payload has for counts until the batch has ended. */
export const NO_COUNTS: BatchCounts = { done: 0, failed: 0, cancelled: 0, unfinished: 0 };

/** Jobs whose end starts another. */
export interface Batch {
  readonly id: string;
  /** Whether it takes more jobs. */
  readonly isOpen: boolean;
}

/** Records a batch, unless there is one with this id. Returns whether there was none. */
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
 * Counts jobs that are added. Locks the batch, so that it does not end before they are there.
 *
 * @throws TypeError if it is closed or would be too large
 */
export async function addMembers(db: Db, { id }: Batch, count: number): Promise<void> {
  const { numUpdatedRows } = await db
    .updateTable('job_batches')
    .set({ members: sql`members + ${count}` })
    .where('id', '=', id)
    .where('closed_at', 'is', null)
    .where('ended_at', 'is', null)
    .where('members', '<=', MOST_MEMBERS - count)
    .executeTakeFirstOrThrow();
  if (numUpdatedRows === 0n)
    throw new TypeError(`batch ${id}: is closed, or would have more than ${MOST_MEMBERS} jobs`);
}

/** Lets a batch end as soon as all its jobs have. */
export async function closeBatch(db: Db, { id }: Batch): Promise<void> {
  await db
    .updateTable('job_batches')
    .set({ closed_at: sql`now()` })
    .where('id', '=', id)
    .where('closed_at', 'is', null)
    .execute();
}

/**
 * Starts the jobs of batches that have ended, each once and with its counts, even if several workers call this at the same time. It looks at
 * the jobs as they are, so it misses no end: not by a supervisor, an operator or a worker that was then killed.
 */
export async function endBatches(db: Db, notify: Notify = notifyWithCommit): Promise<void> {
  const waiting = db.selectFrom('job_batches').select('id').where('ended_at', 'is', null).limit(1);
  if ((await waiting.executeTakeFirst()) === undefined) return;
  const isDue = sql<boolean>`(closed_at is not null and ${isOver(sql`job_batches.id`)}
    or created_at < now() - make_interval(days => ${MOST_DAYS_OPEN}))`;
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
