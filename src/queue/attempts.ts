import { type RawBuilder, sql } from 'kysely';
import { isDeadLetter } from './dead-letters.ts';
import type { AttemptRecord, JobDetails, JobSummary } from './jobs.ts';
import { selectJob } from './jobs-table.ts';
import { findReport } from './report.ts';
import type { Db, JobAttemptOutcome } from './tables.ts';

/** Identifies an attempt at a job. */
export interface Attempt {
  readonly jobId: string;
  /** 1 for the first. */
  readonly attempt: number;
}

/**
 * Records that a worker has started attempts of one queue, in one statement. The end of a successful attempt is not
 * recorded, because the job has it. So a row without an end belongs to a worker that died, unless the job is completed.
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

/** Records how unsuccessful attempts ended. */
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

/** Deletes earlier records of the same hand-backs, so that a job which is handed back or deferred every minute has only one. */
export async function forgetRepeatedHandBacks(
  db: Db,
  attempts: readonly Attempt[],
  { worker, error }: { worker: string; error: string },
): Promise<void> {
  await sql`
    delete from job_attempts using ${attemptRows(attempts)} as repeated (job_id, attempt)
    where job_attempts.job_id = repeated.job_id and job_attempts.attempt = repeated.attempt
      and worker = ${worker} and outcome in ('handed back', 'deferred') and error = ${error}
  `.execute(db);
}

/** Attempts as rows for a statement. */
function attemptRows(attempts: readonly Attempt[]): RawBuilder<unknown> {
  return sql`unnest(
    ${attempts.map(({ jobId }) => jobId)}::uuid[], ${attempts.map(({ attempt }) => attempt)}::integer[])`;
}

/** Finds a job with its history, which for a dead letter is that of the original. */
export async function findJob(db: Db, queue: string, id: string): Promise<JobDetails | undefined> {
  const job = await selectJob(db, queue, id);
  if (job === undefined) return undefined;
  const records = await db
    .selectFrom('job_attempts')
    .select(['attempt', 'worker', 'outcome', 'error', 'started_at as startedAt', 'ended_at as endedAt'])
    .where('job_id', '=', isDeadLetter(queue) ? (job.sourceId ?? id) : id)
    .orderBy('id')
    .execute();
  const history = records.map((record, index) => ({
    ...record,
    ...(record.outcome === null && unrecordedEnd(job, index === records.length - 1 && !isDeadLetter(queue))),
  }));
  const report = await findReport(db, isDeadLetter(queue) ? (job.sourceId ?? id) : id);
  return {
    ...job,
    report,
    history: history.map((record) => ({ ...record, outcome: record.outcome ?? 'lost' })),
  };
}

/** The outcome of an attempt without a recorded end: the job's state for the last one, otherwise the worker died. */
function unrecordedEnd(
  { state, endedAt }: Pick<JobSummary, 'state' | 'endedAt'>,
  isLast: boolean,
): Partial<AttemptRecord> {
  if (!isLast) return { outcome: 'lost' };
  if (state === 'active') return { outcome: 'running' };
  if (state === 'completed' || state === 'cancelled') return { outcome: state, endedAt };
  return { outcome: 'lost' };
}
