import { sql } from 'kysely';
import { TooManyLimits } from './errors.ts';
import { RESTRAINTS, type Restraints } from './heartbeat-statements.ts';
import {
  afterStarting,
  available,
  type BucketState,
  bucketOf,
  dueAt,
  parseRate,
  pass,
  type Rate,
} from './rate.ts';
import type { Db } from './tables.ts';

/** The keys of a limit on the whole queue, and of a limit on each key that has no limit of its own. */
export const WHOLE_QUEUE = '';
export const EACH_KEY = '*';

/** The most limits that can be set. Workers keep all of them in memory. */
export const MAX_LIMITS = 200;

export interface JobLimit {
  readonly queue: string;
  readonly key: string;
  readonly rate: Rate;
}

/** Loads what currently keeps workers from fetching jobs. */
export async function loadRestraints(db: Db): Promise<Restraints> {
  const { rows } = await sql<Restraints>`${sql.raw(RESTRAINTS)}`.execute(db);
  return rows[0] ?? { paused: [], broken: [], limits: [] };
}

/** Lists the limits set by Operators, by queue and key. */
export async function listLimits(db: Db): Promise<JobLimit[]> {
  const rows = await db.selectFrom('job_limits').selectAll().orderBy('queue').orderBy('key').execute();
  return rows.flatMap(({ rate, ...limit }) => {
    const known = parseRate(rate);
    return known === undefined ? [] : [{ ...limit, rate: known }];
  });
}

/**
 * Sets a limit, or removes it if the rate is undefined. Workers learn of it at their next report, within seconds. Forgets what was
 * used up under the queue's previous limits.
 *
 * @throws TooManyLimits if there are `MAX_LIMITS` already
 */
export async function setLimit(
  trx: Db,
  { queue, key, rate }: Omit<JobLimit, 'rate'> & { readonly rate: Rate | undefined },
): Promise<void> {
  await trx.deleteFrom('job_limits').where('queue', '=', queue).where('key', '=', key).execute();
  await trx.deleteFrom('job_rates').where('queue', '=', queue).execute();
  if (rate === undefined) return;
  const { numInsertedOrUpdatedRows } = await trx
    .insertInto('job_limits')
    .columns(['queue', 'key', 'rate'])
    .expression(
      sql<never>`select ${queue}::text, ${key}::text, ${rate}::text where (select count(*) from job_limits) < ${MAX_LIMITS}::int`,
    )
    .executeTakeFirstOrThrow();
  if (numInsertedOrUpdatedRows === 0n) {
    throw new TooManyLimits(`There are ${MAX_LIMITS} limits already. Remove one first.`);
  }
}

/** A queue's token bucket, locked until the end of the transaction. */
export interface LockedBucket {
  /** How many jobs may start now. */
  readonly jobs: number;
  /** Seconds until the next may start; 0 if one may start now. */
  readonly seconds: number;
  /** Records that jobs start. Returns the seconds until the next may start; 0 if one may start now. */
  start(jobs: number): Promise<number>;
}

/**
 * Locks a queue, so that its workers fetch in turn, and reads the bucket of its limit. Without a limit, the bucket is never
 * empty.
 */
export async function lockBucket(trx: Db, queue: string, rate: Rate | undefined): Promise<LockedBucket> {
  const { now, fullAt } = await lockState(trx, queue, WHOLE_QUEUE);
  if (rate === undefined) return { jobs: Infinity, seconds: 0, start: async () => 0 };
  const bucket = bucketOf(rate);
  const wait = (full: number) => Math.max(0, dueAt(bucket, full) - now);
  return {
    jobs: available(bucket, fullAt, now),
    seconds: wait(fullAt),
    async start(jobs) {
      const full = afterStarting(bucket, fullAt, now, jobs);
      await trx
        .updateTable('job_rates')
        .set({ full_at: full })
        .where('queue', '=', queue)
        .where('key', '=', WHOLE_QUEUE)
        .execute();
      return wait(full);
    },
  };
}

/**
 * Gives back what jobs took from their queue's bucket but did not use.
 *
 * @param seconds the sum of their intervals
 */
export async function giveBack(trx: Db, queue: string, seconds: number): Promise<void> {
  await trx
    .updateTable('job_rates')
    .set({ full_at: sql`full_at - ${seconds}::float` })
    .where('queue', '=', queue)
    .where('key', '=', WHOLE_QUEUE)
    .execute();
}

/**
 * Lets a job start under its key's limit, or gives it a time to come back; see `pass`.
 *
 * @returns how many seconds the job must wait; 0 if it may start
 */
export async function passKey(
  trx: Db,
  { queue, key, rate }: JobLimit,
  job: { readonly isBulk: boolean; readonly isBack: boolean },
): Promise<number> {
  const { now, ...before } = await lockState(trx, queue, key);
  const { state, seconds } = pass(bucketOf(rate), before, { ...job, now });
  await trx
    .updateTable('job_rates')
    .set({ full_at: state.fullAt, line_until: state.lineUntil, bulk_line_until: state.bulkLineUntil })
    .where('queue', '=', queue)
    .where('key', '=', key)
    .execute();
  return seconds;
}

/** Locks and reads a row of `job_rates`, creating it if necessary. */
async function lockState(trx: Db, queue: string, key: string): Promise<BucketState & { now: number }> {
  const find = sql<BucketState & { now: number }>`
    select full_at as "fullAt", line_until as "lineUntil", bulk_line_until as "bulkLineUntil",
      extract(epoch from pgboss.job_now())::float as now
    from job_rates where queue = ${queue} and key = ${key} for update`;
  const [row] = (await find.execute(trx)).rows;
  if (row !== undefined) return row;
  await trx
    .insertInto('job_rates')
    .values({ queue, key })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const [created] = (await find.execute(trx)).rows;
  if (created === undefined)
    throw new Error(`the row of job_rates for queue ${queue} and key ${key} has disappeared`);
  return created;
}
