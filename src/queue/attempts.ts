import { type RawBuilder, sql } from 'kysely';
import { isDeadLetter } from './dead-letters.ts';
import type { AttemptRecord, JobDetails, JobSummary } from './jobs.ts';
import { selectJob } from './jobs-table.ts';
import { findReport } from './report.ts';
import type { Db, JobAttemptOutcome } from './tables.ts';

/** Identifies an attempt. */
export interface Attempt {
  readonly jobId: string;
  /** 1 for the first. */
  readonly attempt: number;
}

/**
 * Records in one statement that a worker has started attempts of one queue. The end of a successful attempt is not recorded
 * here, because the job stores it. So a row without an end belongs to a dead worker, unless the job is running or completed.
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

/** Deletes earlier records of the same hand-backs, so that a job that is handed back or deferred every minute keeps only one. */
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

/** Finds a job with its history; for a dead letter, the history of the original. */
export async function findJob(db: Db, queue: string, id: string): Promise<JobDetails | undefined> {
  const job = await selectJob(db, queue, id);
  if (job === undefined) return undefined;
  const isDead = isDeadLetter(queue);
  const originalId = isDead ? (job.sourceId ?? id) : id;
  const records = await db
    .selectFrom('job_attempts')
    .select(['attempt', 'worker', 'outcome', 'error', 'started_at as startedAt', 'ended_at as endedAt'])
    .where('job_id', '=', originalId)
    .orderBy('id')
    .execute();
  const history = records.map(({ outcome, ...record }, index) => {
    if (outcome !== null) return { ...record, outcome };
    const isLast = index === records.length - 1 && !isDead;
    return { ...record, ...(isLast ? endOfLast(job) : LOST) };
  });
  return { ...job, report: await findReport(db, originalId), history };
}

/** The end of an attempt whose worker died before it recorded one. */
const LOST = { outcome: 'lost', endedAt: null } as const;

/** The end of a job's last attempt if none is recorded, from the job's state. */
function endOfLast({
  state,
  endedAt,
}: Pick<JobSummary, 'state' | 'endedAt'>): Pick<AttemptRecord, 'outcome' | 'endedAt'> {
  if (state === 'active') return { outcome: 'running', endedAt: null };
  return state === 'completed' || state === 'cancelled' ? { outcome: state, endedAt } : LOST;
}
