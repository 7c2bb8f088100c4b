import { sql } from 'kysely';
import type { Db, JobAttemptOutcome } from '../../schema.ts';

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
    select ${queue}, ${worker}, * from unnest(
      ${attempts.map(({ jobId }) => jobId)}::uuid[], ${attempts.map(({ attempt }) => attempt)}::integer[])
  `.execute(db);
}

/** Writes down how an attempt ended that did not succeed. */
export async function recordAttemptEnd(
  db: Db,
  { jobId, attempt }: Attempt,
  { worker, outcome, error }: { worker: string; outcome: JobAttemptOutcome; error: string | null },
): Promise<void> {
  await db
    .updateTable('job_attempts')
    .set({ ended_at: sql`now()`, outcome, error })
    .where('job_id', '=', jobId)
    .where('attempt', '=', attempt)
    .where('worker', '=', worker)
    .where('ended_at', 'is', null)
    .execute();
}
