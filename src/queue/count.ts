import { sql } from 'kysely';
import type { Db } from '../schema.ts';
import { deadLetterName } from './contracts.ts';

/** How many jobs a queue has that are not done. */
export interface QueueCounts {
  readonly queue: string;
  /** Waiting for a worker; `oldestReadySeconds` is how long the first of them has been. */
  readonly ready: number;
  readonly oldestReadySeconds: number;
  /** Waiting for their time: a retry, or a job sent for later. */
  readonly deferred: number;
  readonly active: number;
  readonly failed: number;
  /** Given up, in the dead letter queue: they wait for somebody to look at them. */
  readonly dead: number;
}

/**
 * Counts the jobs of these queues, from pg-boss's index of live jobs alone: jobs that are done, which
 * are most of the table, cost nothing.
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

/** Of a queue that has none. */
const NO_JOBS = { ready: 0, oldestReadySeconds: 0, deferred: 0, active: 0, failed: 0 };
