import { type RawBuilder, sql } from 'kysely';
import type { Db, JobAttemptOutcome } from '../schema.ts';

/** States as an operator thinks of them: pg-boss's own, with waiting split in two. */
export const JOB_STATES = ['ready', 'deferred', 'active', 'completed', 'failed', 'cancelled'] as const;
export type JobState = (typeof JOB_STATES)[number];

/** Which jobs a list, or an action, is about. */
export interface JobFilter {
  readonly queues: readonly string[];
  readonly states?: readonly JobState[] | undefined;
  /** Of the payload, in any case. */
  readonly text?: string | undefined;
  /** When the job was created. */
  readonly from?: Date | undefined;
  readonly until?: Date | undefined;
  readonly id?: string | undefined;
  /** Only jobs whose dead letter still lies in its queue. */
  readonly hasDeadLetter?: boolean;
}

export interface JobSummary {
  readonly id: string;
  readonly queue: string;
  readonly state: JobState;
  readonly data: unknown;
  readonly attempts: number;
  readonly createdAt: Date;
  /** When it may run, or may run again. */
  readonly startAfter: Date;
  readonly startedAt: Date | null;
  readonly endedAt: Date | null;
  readonly message: string | null;
}

/** One page of jobs, newest first. `next` is where the next page begins; undefined on the last. */
export interface JobPage {
  readonly jobs: readonly JobSummary[];
  readonly next: string | undefined;
}

/**
 * Lists jobs, newest first. Each queue gives its own newest from an index, so a long history costs nothing.
 *
 * @param after where an earlier page ended; what is no such place means the beginning
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

/** Up to `limit` ids of the jobs that match. */
export async function findJobIds(db: Db, filter: JobFilter, limit: number): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select id from pgboss.job
    where name = any(${[...filter.queues]}::text[]) and ${conditions(filter)} limit ${limit}
  `.execute(db);
  return rows.map(({ id }) => id);
}

/** Everything about one job. */
export interface JobDetails extends JobSummary {
  readonly priority: number;
  readonly retryLimit: number;
  readonly uniqueKey: string | null;
  readonly output: unknown;
  /** Of a dead letter: the job it was. */
  readonly sourceQueue: string | null;
  readonly sourceId: string | null;
  readonly history: readonly AttemptRecord[];
}

/** One try, oldest first. */
export interface AttemptRecord {
  readonly attempt: number;
  readonly worker: string;
  readonly startedAt: Date;
  readonly endedAt: Date | null;
  readonly outcome: JobAttemptOutcome | 'running' | 'completed' | 'cancelled' | 'lost';
  readonly error: string | null;
}

/** One job with its history, or undefined. */
export async function findJob(db: Db, queue: string, id: string): Promise<JobDetails | undefined> {
  const { rows } = await sql<Omit<JobDetails, 'history'>>`
    select ${summary}, priority, retry_limit as "retryLimit", singleton_key as "uniqueKey", output,
      source_name as "sourceQueue", source_id as "sourceId"
    from pgboss.job where name = ${queue} and id = ${id}::uuid
  `.execute(db);
  const [job] = rows;
  if (job === undefined) return undefined;
  const records = await db
    .selectFrom('job_attempts')
    .select(['attempt', 'worker', 'outcome', 'error', 'started_at as startedAt', 'ended_at as endedAt'])
    .where('job_id', '=', id)
    .orderBy('id')
    .execute();
  const history = records.map((record, index) => ({
    ...record,
    ...(record.outcome === null && unrecordedEnd(job, index === records.length - 1)),
  }));
  return { ...job, history: history.map((record) => ({ ...record, outcome: record.outcome ?? 'lost' })) };
}

/** How an attempt ended that nobody wrote the end of: the job says it of its last; any other's worker died. */
function unrecordedEnd(
  { state, endedAt }: Pick<JobSummary, 'state' | 'endedAt'>,
  isLast: boolean,
): Partial<AttemptRecord> {
  if (!isLast) return { outcome: 'lost' };
  if (state === 'active') return { outcome: 'running' };
  if (state === 'completed' || state === 'cancelled') return { outcome: state, endedAt };
  return { outcome: 'lost' };
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
