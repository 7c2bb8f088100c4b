import { sql } from 'kysely';
import type { AttemptRecord } from './jobs.ts';
import type { Db } from './tables.ts';

/** An attempt, for following the workers live. */
export interface FollowedAttempt extends Pick<AttemptRecord, 'attempt' | 'worker' | 'outcome' | 'error'> {
  readonly id: number;
  readonly queue: string;
  readonly jobId: string;
}

/** The most attempts per call. */
const MAX_ATTEMPTS = 500;

/** The id of the newest attempt; 0 if there is none. */
export async function newestAttempt(db: Db): Promise<number> {
  const newest = await db
    .selectFrom('job_attempts')
    .select('id')
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
  return Number(newest?.id ?? 0);
}

/**
 * Finds attempts that started since the one with the id `after`, and the current state of those with the ids `running`; oldest
 * first, some hundreds at most. An attempt whose worker died is `running` until another worker takes the job.
 */
export async function followAttempts(
  db: Db,
  { after, running }: { after: number; running: readonly number[] },
): Promise<FollowedAttempt[]> {
  const { rows } = await sql<FollowedAttempt>`
    select attempts.id::float8 as id, attempts.queue, attempts.job_id as "jobId", attempts.attempt, attempts.worker, attempts.error,
      coalesce(attempts.outcome, case
        when job.retry_count + 1 <> attempts.attempt then 'lost'
        when job.state = 'active' then 'running'
        when job.state in ('completed', 'cancelled') then job.state::text
        else 'lost' end) as outcome
    from job_attempts as attempts
    left join pgboss.job as job on job.name = attempts.queue and job.id = attempts.job_id
    where attempts.id > ${after} or attempts.id = any(${[...running]}::bigint[])
    order by attempts.id limit ${MAX_ATTEMPTS}
  `.execute(db);
  return rows;
}
