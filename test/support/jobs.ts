import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import { jobs } from '../../src/jobs/index.ts';
import { deadLetterName, type QueueContract } from '../../src/queues.ts';
import { waitFor } from './wait-for.ts';

/** A job as it lies in the queue. */
export interface QueuedJob<Payload = unknown> {
  readonly id: string;
  readonly state: 'created' | 'retry' | 'active' | 'completed' | 'cancelled' | 'failed';
  readonly data: Payload;
  readonly retryCount: number;
  readonly output: { message?: string } | null;
}

/** The jobs of a queue in the given states, oldest first; by default those that wait. */
export async function jobsOf<Payload extends object>(
  app: FastifyInstance,
  contract: QueueContract<Payload>,
  states: readonly QueuedJob['state'][] = ['created', 'retry'],
): Promise<QueuedJob<Payload>[]> {
  return selectJobs(app, contract.name, states);
}

/** The jobs that were given up. */
export function deadLettersOf<Payload extends object>(
  app: FastifyInstance,
  contract: QueueContract<Payload>,
): Promise<QueuedJob<Payload>[]> {
  return selectJobs(app, deadLetterName(contract), ['created']);
}

/** Works the real queues until no job is ready, the way a worker does. Jobs that wait for a retry stay. */
export async function drain(app: FastifyInstance): Promise<void> {
  for (const job of jobs) {
    await app.queue.work(job, { concurrency: 10 });
    await waitFor(
      async () => !(await hasReadyJob(app, job.contract)),
      `${job.contract.name} is drained`,
      30_000,
    );
    await app.queue.stopWorking(job);
  }
}

async function hasReadyJob(app: FastifyInstance, { name }: QueueContract): Promise<boolean> {
  const { rows } = await sql`
    select from pgboss.job
    where name = ${name} and (state = 'active' or (state in ('created', 'retry') and start_after <= now()))
    limit 1
  `.execute(app.db);
  return rows.length > 0;
}

async function selectJobs<Payload>(app: FastifyInstance, name: string, states: readonly string[]) {
  const { rows } = await sql<QueuedJob<Payload>>`
    select id, state, data, retry_count as "retryCount", output from pgboss.job
    where name = ${name} and state::text = any(${states}) order by created_on
  `.execute(app.db);
  return rows;
}
