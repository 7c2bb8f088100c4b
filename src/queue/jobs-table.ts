import { type RawBuilder, sql } from 'kysely';
import type { Db as IDatabase } from 'pg-boss';
import type { ClaimKey } from './claim-key.ts';
import { deadLetterName } from './dead-letters.ts';
import { IS_HELD } from './heartbeat-statements.ts';
import { SUMMARY } from './job-filter.ts';
import type { JobDetails, QueueCounts } from './jobs.ts';
import type { Db } from './tables.ts';

// Our statements that change pg-boss's tables, except those in heartbeat-statements.ts and flow-table.ts. Check new versions of
// pg-boss against these three files.

export interface HandBackOptions {
  readonly delaySeconds?: number | undefined;
  readonly reason?: string | undefined;
  readonly key?: string | undefined;
}

/**
 * Hands claimed jobs back without counting the attempt. pg-boss counts an attempt when it fetches a job whose `started_on` is
 * set. Jobs are handed back as retries, because pg-boss allows only one `created` job per unique key, which may be a successor
 * by now.
 *
 * @param options.delaySeconds how long the jobs wait before a worker may fetch them
 * @param options.reason why they wait, for the dashboard
 * @param options.key the key whose limit they wait for
 */
export async function handBack(
  db: Db,
  claims: readonly ClaimKey[],
  { delaySeconds, reason, key }: HandBackOptions = {},
): Promise<void> {
  await sql`
    update pgboss.job set state = 'retry', started_on = null, heartbeat_on = null,
      start_after = coalesce(pgboss.job_now() + make_interval(secs => ${delaySeconds ?? null}), start_after),
      output = case when ${reason ?? null}::text is null then output
        else jsonb_strip_nulls(jsonb_build_object('message', ${reason ?? null}::text, 'key', ${key ?? null}::text)) end
    ${heldBy(claims)}
  `.execute(db);
}

/** Forbids further retries, so that the job goes to its dead letter queue when the current attempt fails. */
export async function forbidRetries(db: Db, claims: readonly ClaimKey[]): Promise<void> {
  await sql`update pgboss.job set retry_limit = retry_count ${heldBy(claims)}`.execute(db);
}

/** Matches jobs still held by these claims. */
function heldBy(claims: readonly ClaimKey[]): RawBuilder<unknown> {
  return sql`
    from unnest(${claims.map(({ queue }) => queue)}::text[], ${claims.map(({ jobId }) => jobId)}::uuid[],
      ${claims.map(({ claimedAt }) => claimedAt)}::timestamptz[]) as claim (queue, id, claimed_at)
    where ${sql.raw(IS_HELD)}`;
}

/** Counts a queue's running jobs, across all workers. */
export async function countActive(db: Db, queue: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from pgboss.job where name = ${queue} and state = 'active'
  `.execute(db);
  return rows[0]?.count ?? 0;
}

/**
 * Counts the jobs of these queues in pg-boss's index of unfinished jobs, so that finished ones, most of the table, cost
 * nothing.
 */
export async function countJobs(db: Db, queues: readonly string[]): Promise<QueueCounts[]> {
  const { rows } = await sql<Omit<QueueCounts, 'dead'>>`
    with counts as (
      select name as queue,
        count(*) filter (where state in ('created', 'retry') and not blocked and start_after <= pgboss.job_now())::int as ready,
        coalesce(extract(epoch from pgboss.job_now() - min(start_after)
          filter (where state in ('created', 'retry') and not blocked and start_after <= pgboss.job_now())), 0)::float
          as "oldestReadySeconds",
        count(*) filter (where state = 'retry' and start_after > pgboss.job_now())::int as retries,
        count(*) filter (where state = 'created' and not blocked and start_after > pgboss.job_now())::int as scheduled,
        count(*) filter (where state in ('created', 'retry') and blocked)::int as blocked,
        count(*) filter (where state = 'active')::int as active,
        count(*) filter (where state = 'failed')::int as failed
      from pgboss.job where state in ('created', 'retry', 'active', 'failed')
      group by name
    ),
    put_off as (
      select name as queue, count(*)::int as jobs from pgboss.job
      where state = 'retry' and started_on is null and start_after > pgboss.job_now() group by name
    )
    select queue, ready, "oldestReadySeconds", retries - coalesce(jobs, 0) as retrying,
      scheduled + coalesce(jobs, 0) as deferred, blocked, active, failed
    from counts left join put_off using (queue)
  `.execute(db);
  const counts = new Map(rows.map((row) => [row.queue, row]));
  return queues.map((queue) => {
    const dead = counts.get(deadLetterName({ name: queue })) ?? NO_JOBS;
    return { ...NO_JOBS, ...counts.get(queue), queue, dead: dead.ready + dead.retrying + dead.deferred };
  });
}

/** The counts of an empty queue. */
const NO_JOBS = {
  ready: 0,
  oldestReadySeconds: 0,
  retrying: 0,
  deferred: 0,
  blocked: 0,
  active: 0,
  failed: 0,
};

/** Finds a job without its history. */
export async function selectJob(
  db: Db,
  queue: string,
  id: string,
): Promise<Omit<JobDetails, 'history' | 'report'> | undefined> {
  const { rows } = await sql<Omit<JobDetails, 'history' | 'report'>>`
    select ${SUMMARY}, priority, retry_limit as "retryLimit", singleton_key as key, output,
      source_name as "sourceQueue", source_id as "sourceId"
    from pgboss.job where name = ${queue} and id = ${id}::uuid
  `.execute(db);
  return rows[0];
}

/** Makes deferred jobs run now. */
export async function startNow(db: Db, queue: string, ids: readonly string[]): Promise<void> {
  await sql`
    update pgboss.job set start_after = pgboss.job_now() where name = ${queue} and id = any(${[...ids]}::uuid[])
  `.execute(db);
}

/**
 * Restores cancelled jobs. They wait as retries, because a successor may have their key by now. Those that wait for others, and
 * those of an in-order queue, where retries run first, keep their places. A job stays cancelled if its unique key is taken.
 *
 * @returns how many were restored
 */
export async function restoreCancelled(db: Db, queue: string, ids: readonly string[]): Promise<number> {
  const { numAffectedRows } = await sql`
    update pgboss.job set completed_on = null, started_on = null, heartbeat_on = null, upsert_by_key = null,
      state = (case when blocked or policy = 'key_strict_fifo' then 'created' else 'retry' end)::pgboss.job_state
    where name = ${queue} and id = any(${[...ids]}::uuid[]) and state = 'cancelled' and (
      policy is distinct from 'exclusive' or not exists (
        select from pgboss.job as other
        where other.name = job.name and other.singleton_key = job.singleton_key and other.policy = 'exclusive'
          and (other.state < 'completed' or other.state = 'cancelled' and other.id < job.id and other.id = any(${[...ids]}::uuid[]))
      )
    )
  `.execute(db);
  return Number(numAffectedRows ?? 0);
}

/** Makes transactions that send jobs with the same keys wait for each other. */
export async function lockKeys(db: Db, queue: string, keys: readonly string[]): Promise<void> {
  // All keys share 64 locks, because the server has only a few thousand for all connections.
  await sql`
    select pg_advisory_xact_lock(hashtext(${queue}), number)
    from (select distinct hashtext(key) & 63 as number from unnest(${[...keys]}::text[]) as sent (key) order by number) as ordered
  `.execute(db);
}

/** Puts newly enqueued jobs behind all waiting jobs with the same keys, in the given order. */
export async function putLast(
  db: Db,
  queue: string,
  { ids, keys }: { ids: readonly string[]; keys: readonly string[] },
): Promise<void> {
  await sql`
    update pgboss.job set created_on = last.at + number * interval '1 microsecond'
    from unnest(${[...ids]}::uuid[]) with ordinality as sent (id, number), (
      select greatest(pgboss.job_now(), max(created_on)) as at from pgboss.job
      where name = ${queue} and singleton_key = any(${[...new Set(keys)]}::text[]) and state < 'active'
    ) as last
    where name = ${queue} and job.id = sent.id
  `.execute(db);
}

/** Lets an in-order queue continue after jobs that failed for good, which would hold their keys until they are deleted. */
export async function passFailed(db: Db, queue: string): Promise<void> {
  await sql`
    update pgboss.job set policy = 'standard' where name = ${queue} and state = 'failed' and policy = 'key_strict_fifo'
  `.execute(db);
}

/** Cancels older jobs with the same key, which are waiting for a retry. */
export async function cancelOlder(
  db: Db,
  { queue, jobId }: Pick<ClaimKey, 'queue' | 'jobId'>,
): Promise<void> {
  await sql`
    update pgboss.job as older set state = 'cancelled', completed_on = pgboss.job_now(),
      output = jsonb_build_object('message', 'a newer job with its key has replaced it')
    from pgboss.job as newer
    where newer.name = ${queue} and newer.id = ${jobId}::uuid and older.name = newer.name
      and older.singleton_key = newer.singleton_key and older.created_on < newer.created_on and older.state < 'active'
  `.execute(db);
}

/**
 * Changes a queue's policy. Existing jobs keep the old one.
 *
 * @throws Error if the queue has jobs that could then not run
 */
export async function changePolicy(db: IDatabase, queue: string, policy: string): Promise<void> {
  const { rows } = await db.executeSql(
    `update pgboss.queue set policy = $2 where name = $1 and not ('key_strict_fifo' in (policy, $2)
      and exists (select from pgboss.job where job.name = $1 and state < 'completed')) returning name`,
    [queue, policy],
  );
  if (rows.length === 0)
    throw new Error(
      `${queue}: key: the rule can only change to or from in-order while the queue has no jobs`,
    );
}

/** Finds the waiting dead letters of failed jobs. */
export async function findDeadLetters(db: Db, queue: string, ids: readonly string[]): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select id from pgboss.job
    where name = ${deadLetterName({ name: queue })} and source_id = any(${[...ids]}::uuid[]) and state < 'active'
  `.execute(db);
  return rows.map(({ id }) => id);
}

/** Deletes the dead letters of retried jobs. */
export async function takeBackDeadLetters(db: Db, queue: string, ids: readonly string[]): Promise<void> {
  await sql`
    delete from pgboss.job where name = ${deadLetterName({ name: queue })} and source_id = any(${[...ids]}::uuid[])
  `.execute(db);
}

/**
 * Builds our indexes on pg-boss's table, unless they exist. Must not run in a transaction. The index of payloads, for searches,
 * costs about 15 µs per job. The others only contain jobs that were handed back or cancelled, and those of batches.
 */
export async function buildOwnIndexes(db: Db): Promise<void> {
  await sql`
    create index concurrently if not exists queue_job_data_idx on pgboss.job_common using gin (data jsonb_path_ops)
  `.execute(db);
  await sql`
    create index concurrently if not exists queue_job_put_off_idx on pgboss.job_common (name, start_after)
    where state = 'retry' and started_on is null
  `.execute(db);
  await sql`
    create index concurrently if not exists queue_job_cancelled_idx on pgboss.job_common (name, created_on)
    where state = 'cancelled'
  `.execute(db);
  await sql`
    create index concurrently if not exists queue_job_batch_idx on pgboss.job_common ((data ->> 'batchId'), state)
    where data ->> 'batchId' is not null and dead_letter is not null
  `.execute(db);
}
