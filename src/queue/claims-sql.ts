import { sql } from 'kysely';
import type { Db } from '../schema.ts';
import { type Attempt, attemptRows } from './attempts.ts';

/**
 * Puts claimed jobs back as they were before they were claimed, so that the attempt is not spent: a worker that
 * stops has not failed at them. pg-boss counts an attempt when a job is claimed that has been started before, so
 * clearing `started_on` is what keeps the count. A claim that is not held any more is left alone.
 */
export async function handBack(
  db: Db,
  { queue, attempts }: { queue: string; attempts: readonly Attempt[] },
): Promise<void> {
  await sql`
    update pgboss.job
    set state = case when retry_count > 0 then 'retry' else 'created' end::pgboss.job_state,
        started_on = null, heartbeat_on = null
    from ${attemptRows(attempts)} as claim (id, attempt)
    where job.name = ${queue} and job.id = claim.id and job.retry_count = claim.attempt - 1 and state = 'active'
  `.execute(db);
}

/** Makes the attempt in hand a job's last: when it fails now, the job goes to its dead letter queue. */
export async function forbidRetries(
  db: Db,
  { queue, jobId, attempt }: Attempt & { queue: string },
): Promise<void> {
  await sql`
    update pgboss.job set retry_limit = retry_count
    where name = ${queue} and id = ${jobId} and retry_count = ${attempt - 1} and state = 'active'
  `.execute(db);
}

/**
 * Keeps claimed jobs from being taken for those of a dead worker.
 *
 * @returns the ids of the jobs that are still this worker's: a missing one was cancelled, or has gone to another
 */
export async function keepClaims(
  db: Db,
  { queue, attempts }: { queue: string; attempts: readonly Attempt[] },
): Promise<Set<string>> {
  const { rows } = await sql<{ id: string }>`
    update pgboss.job set heartbeat_on = pgboss.job_now()
    from ${attemptRows(attempts)} as claim (id, attempt)
    where job.name = ${queue} and job.id = claim.id and job.retry_count = claim.attempt - 1 and state = 'active'
    returning job.id
  `.execute(db);
  return new Set(rows.map(({ id }) => id));
}
