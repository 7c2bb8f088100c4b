import { type RawBuilder, sql } from 'kysely';
import type { Db, JobAttemptOutcome } from '../schema.ts';

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
export function attemptRows(attempts: readonly Attempt[]): RawBuilder<unknown> {
  return sql`unnest(
    ${attempts.map(({ jobId }) => jobId)}::uuid[], ${attempts.map(({ attempt }) => attempt)}::integer[])`;
}
