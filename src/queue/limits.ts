import { sql } from 'kysely';
import { TooManyLimits } from './errors.ts';
import { RESTRAINTS, type Restraints } from './heartbeat-statements.ts';
import {
  afterStarting,
  available,
  bucketOf,
  dueAt,
  parseRate,
  pass,
  type Rate,
  type Turnstile,
} from './rate.ts';
import type { Db } from './tables.ts';

/** The key of a limit on the whole queue, and that of a limit on each key that has none of its own. */
export const WHOLE_QUEUE = '';
export const EACH_KEY = '*';

/** Limits that can be set, so that workers can keep all of them in memory. */
export const MOST_LIMITS = 200;

export interface JobLimit {
  readonly queue: string;
  readonly key: string;
  readonly rate: Rate;
}

/** What is currently keeping workers from jobs. */
export async function loadRestraints(db: Db): Promise<Restraints> {
  const { rows } = await sql<Restraints>`${sql.raw(RESTRAINTS)}`.execute(db);
  return rows[0] ?? { paused: [], broken: [], limits: [] };
}

/** Lists the limits that Operators have set, by queue and key. */
export async function listLimits(db: Db): Promise<JobLimit[]> {
  const rows = await db.selectFrom('job_limits').selectAll().orderBy('queue').orderBy('key').execute();
  return rows.flatMap(({ rate, ...limit }) => {
    const known = parseRate(rate);
    return known === undefined ? [] : [{ ...limit, rate: known }];
  });
}

/**
 * Sets a limit, or removes it if the rate is undefined. Workers learn it at their next report, within seconds. What has been used
 * up under the queue's previous limits is forgotten.
 *
 * @throws TooManyLimits if there are `MOST_LIMITS` already
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
      sql<never>`select ${queue}::text, ${key}::text, ${rate}::text where (select count(*) from job_limits) < ${MOST_LIMITS}::int`,
    )
    .executeTakeFirstOrThrow();
  if (numInsertedOrUpdatedRows === 0n) {
    throw new TooManyLimits(`There are ${MOST_LIMITS} limits already. Remove one first.`);
  }
}

/** A queue's bucket, locked until the end of the transaction. */
export interface LockedBucket {
  /** How many jobs may start now. */
  readonly jobs: number;
  /** Seconds until the next may start, if none may now. */
  readonly seconds: number;
  /** Records that jobs start. Returns the seconds until the next may; 0 if more may start now. */
  start(jobs: number): Promise<number>;
}

/**
 * Locks a queue, so that its workers fetch in turn, and reads the bucket of a limit on the whole queue. Without a limit, it never
 * gets empty.
 */
export async function lockBucket(trx: Db, queue: string, rate: Rate | undefined): Promise<LockedBucket> {
  const { now, fullAt } = await lockTurnstile(trx, queue, WHOLE_QUEUE);
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

/** Gives back what jobs have taken from their queue's bucket and not used. @param seconds their intervals together */
export async function giveBack(trx: Db, queue: string, seconds: number): Promise<void> {
  await trx
    .updateTable('job_rates')
    .set({ full_at: sql`full_at - ${seconds}::float` })
    .where('queue', '=', queue)
    .where('key', '=', WHOLE_QUEUE)
    .execute();
}

/**
 * Lets one job start under its key's limit, or gives it a time to come back; see `pass`.
 *
 * @returns how many seconds the job must wait; 0 if it may start
 */
export async function passKey(
  trx: Db,
  { queue, key, rate }: JobLimit,
  job: { readonly isBulk: boolean; readonly isBack: boolean },
): Promise<number> {
  const { now, ...before } = await lockTurnstile(trx, queue, key);
  const { state, seconds } = pass(bucketOf(rate), before, { ...job, now });
  await trx
    .updateTable('job_rates')
    .set({ full_at: state.fullAt, line_until: state.lineUntil, bulk_line_until: state.bulkLineUntil })
    .where('queue', '=', queue)
    .where('key', '=', key)
    .execute();
  return seconds;
}

/** Reads and locks a row of `job_rates`, which begins to exist if it does not. */
async function lockTurnstile(trx: Db, queue: string, key: string): Promise<Turnstile & { now: number }> {
  const find = sql<Turnstile & { now: number }>`
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
  if (created === undefined) throw new Error(`the row of job_rates for ${queue} and ${key} has disappeared`);
  return created;
}
