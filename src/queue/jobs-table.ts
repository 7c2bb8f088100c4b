import { type RawBuilder, sql } from 'kysely';
import type { Db } from '../database/schema.ts';
import type { ClaimKey } from './claim.ts';
import { deadLetterName } from './dead-letters.ts';
import { IS_HELD } from './heartbeat-statements.ts';
import type { JobDetails, JobFilter, JobPage, JobState, JobSummary, QueueCounts } from './jobs.ts';

// All our statements that change pg-boss's tables, except the heartbeat's in heartbeat-statements.ts. Check a new version of
// pg-boss against both files.

export interface HandBackOptions {
  readonly delaySeconds?: number | undefined;
  readonly reason?: string | undefined;
  readonly key?: string | undefined;
}

/**
 * Hands claimed jobs back without counting the attempt, because a stopping worker has not failed at them. pg-boss counts
 * an attempt when it fetches a job whose `started_on` is set. Jobs are handed back as retries, because pg-boss allows only
 * one `created` job per unique key, and that may be a successor by now.
 *
 * @param options.delaySeconds how long no worker takes them
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

/**
 * Counts the jobs of these queues from pg-boss's index of unfinished jobs, so that finished ones, which are most of the
 * table, cost nothing.
 */
export async function countJobs(db: Db, queues: readonly string[]): Promise<QueueCounts[]> {
  const { rows } = await sql<Omit<QueueCounts, 'dead'>>`
    select name as queue,
      count(*) filter (where state in ('created', 'retry') and start_after <= pgboss.job_now())::int as ready,
      coalesce(extract(epoch from pgboss.job_now() - min(start_after)
        filter (where state in ('created', 'retry') and start_after <= pgboss.job_now())), 0)::float
        as "oldestReadySeconds",
      count(*) filter (where state in ('created', 'retry') and start_after > pgboss.job_now())::int as deferred,
      count(*) filter (where state = 'active')::int as active,
      count(*) filter (where state = 'failed')::int as failed
    from pgboss.job where state in ('created', 'retry', 'active', 'failed')
    group by name
  `.execute(db);
  const counts = new Map(rows.map((row) => [row.queue, row]));
  return queues.map((queue) => {
    const dead = counts.get(deadLetterName({ name: queue })) ?? NO_JOBS;
    return { ...NO_JOBS, ...counts.get(queue), queue, dead: dead.ready + dead.deferred };
  });
}

/** The counts of an empty queue. */
const NO_JOBS = { ready: 0, oldestReadySeconds: 0, deferred: 0, active: 0, failed: 0 };

/**
 * Lists jobs, newest first. Each queue's newest come from an index, so a long history costs nothing.
 *
 * @param after the previous page's cursor; an invalid one means the first page
 */
export async function listJobs(
  db: Db,
  filter: JobFilter,
  { size, after = '' }: { size: number; after?: string | undefined },
): Promise<JobPage> {
  const [, createdOn, id] = CURSOR.exec(after) ?? [];
  const start =
    createdOn === undefined ? sql`true` : sql`(created_on, id) < (${createdOn}::timestamptz, ${id}::uuid)`;
  const { rows } = await sql<JobSummary & { cursor: string }>`
    select found.* from unnest(${[...filter.queues]}::text[]) as wanted (queue), lateral (
      select ${summary} from pgboss.job
      where name = wanted.queue and ${conditions(filter)} and ${start}
      order by created_on desc, id desc limit ${size + 1}
    ) as found
    order by "createdAt" desc, id desc limit ${size + 1}
  `.execute(db);
  return { jobs: rows.slice(0, size), next: rows.length > size ? rows[size - 1]?.cursor : undefined };
}

const CURSOR =
  /^(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?[+-]\d\d)~([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})$/;

/** Finds up to `limit` ids of matching jobs. */
export async function findJobIds(db: Db, filter: JobFilter, limit: number): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select id from pgboss.job
    where name = any(${[...filter.queues]}::text[]) and ${conditions(filter)} limit ${limit}
  `.execute(db);
  return rows.map(({ id }) => id);
}

/** Finds a job without its history. */
export async function selectJob(
  db: Db,
  queue: string,
  id: string,
): Promise<Omit<JobDetails, 'history'> | undefined> {
  const { rows } = await sql<Omit<JobDetails, 'history'>>`
    select ${summary}, priority, retry_limit as "retryLimit", singleton_key as "uniqueKey", output,
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

/** Deletes the dead letters of retried jobs. */
export async function takeBackDeadLetters(db: Db, queue: string, ids: readonly string[]): Promise<void> {
  await sql`
    delete from pgboss.job where name = ${deadLetterName({ name: queue })} and source_id = any(${[...ids]}::uuid[])
  `.execute(db);
}

const isDue = sql`start_after <= pgboss.job_now()`;

const state = sql`case
  when state in ('created', 'retry') then case when ${isDue} then 'ready' else 'deferred' end
  else state::text end`;

const summary = sql`id, name as queue, ${state} as state, data,
  case when started_on is null then retry_count else retry_count + 1 end as attempts,
  created_on as "createdAt", start_after as "startAfter", started_on as "startedAt",
  completed_on as "endedAt", coalesce(output ->> 'message', output -> 'value' ->> 'message') as message,
  to_char(created_on at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00"') || '~' || id as cursor`;

const STATE_CONDITIONS: Record<JobState, RawBuilder<unknown>> = {
  ready: sql`(state in ('created', 'retry') and ${isDue})`,
  deferred: sql`(state in ('created', 'retry') and not ${isDue})`,
  active: sql`state = 'active'`,
  completed: sql`state = 'completed'`,
  failed: sql`state = 'failed'`,
  cancelled: sql`state = 'cancelled'`,
};

function conditions({ states, text, from, until, id, hasDeadLetter }: JobFilter): RawBuilder<unknown> {
  const all: RawBuilder<unknown>[] = [sql`true`];
  if (states !== undefined) {
    all.push(sql`(${sql.join([sql`false`, ...states.map((name) => STATE_CONDITIONS[name])], sql` or `)})`);
  }
  if (text) all.push(sql`strpos(lower(data::text), ${text.toLowerCase()}) > 0`);
  if (from !== undefined) all.push(sql`created_on >= ${from}`);
  if (until !== undefined) all.push(sql`created_on <= ${until}`);
  if (id !== undefined) all.push(sql`id = ${id}::uuid`);
  if (hasDeadLetter) {
    all.push(sql`exists (
      select from pgboss.job dead where dead.name = job.name || '.dead' and dead.source_id = job.id)`);
  }
  return sql.join(all, sql` and `);
}
