import { type RawBuilder, sql } from 'kysely';
import type { JobAttemptOutcome } from '../database/job-tables.ts';
import type { Db } from '../database/schema.ts';
import type { AttemptRecord, JobDetails, JobSummary } from './jobs.ts';
import { selectJob } from './jobs-table.ts';

/** One attempt at a job: what fences it from an earlier or a later one. */
export interface Attempt {
  readonly jobId: string;
  /** 1 at the first try. */
  readonly attempt: number;
}

/**
 * Writes down that a worker has begun attempts, all of one queue, in one statement. How a successful one ended is
 * not written: the job itself says it. So a row without an end, of a job that has gone on, is a worker that died.
 */
export async function recordAttempts(
  db: Db,
  { queue, worker, attempts }: { queue: string; worker: string; attempts: readonly Attempt[] },
): Promise<void> {
  await sql`
    insert into job_attempts (queue, worker, job_id, attempt)
    select ${queue}, ${worker}, * from ${attemptRows(attempts)}
  `.execute(db);
}

/** Writes down how attempts ended that did not succeed. */
export async function recordAttemptEnds(
  db: Db,
  attempts: readonly Attempt[],
  { worker, outcome, error }: { worker: string; outcome: JobAttemptOutcome; error: string | null },
): Promise<void> {
  await sql`
    update job_attempts set ended_at = now(), outcome = ${outcome}, error = ${error}
    from ${attemptRows(attempts)} as ended (job_id, attempt)
    where job_attempts.job_id = ended.job_id and job_attempts.attempt = ended.attempt
      and worker = ${worker} and ended_at is null
  `.execute(db);
}

/** Attempts as rows of a statement: a job's id, and which try it is. */
function attemptRows(attempts: readonly Attempt[]): RawBuilder<unknown> {
  return sql`unnest(
    ${attempts.map(({ jobId }) => jobId)}::uuid[], ${attempts.map(({ attempt }) => attempt)}::integer[])`;
}

/** One job with its history, or undefined. */
export async function findJob(db: Db, queue: string, id: string): Promise<JobDetails | undefined> {
  const job = await selectJob(db, queue, id);
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
