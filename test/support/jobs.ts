import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import { PgBoss } from 'pg-boss';
import type { Test } from 'tap';
import { queueContracts } from '../../src/all-queues.ts';
import { jobs } from '../../src/jobs/index.ts';
import { deadLetterName, type QueueContract, synchroniseQueues } from '../../src/queue/index.ts';
import { waitFor } from './wait-for.ts';

/** A job in the queue. */
export interface QueuedJob<Payload = unknown> {
  readonly id: string;
  readonly state: 'created' | 'retry' | 'active' | 'completed' | 'cancelled' | 'failed';
  readonly data: Payload;
  readonly retryCount: number;
  readonly output: { message?: string } | null;
}

/** The jobs of a queue in the given states, oldest first; waiting ones by default. */
export async function jobsOf<Payload extends object>(
  app: FastifyInstance,
  contract: QueueContract<Payload>,
  states: readonly QueuedJob['state'][] = ['created', 'retry'],
): Promise<QueuedJob<Payload>[]> {
  return selectJobs(app, contract.name, states);
}

/**
 * Asserts that exactly these payloads are waiting in a queue, oldest first. So a test of a route that enqueues needs
 * no worker and no mail server.
 */
export async function assertEnqueued<Payload extends object>(
  t: Test,
  app: FastifyInstance,
  contract: QueueContract<Payload>,
  payloads: readonly Partial<Payload>[],
): Promise<void> {
  const waiting = await jobsOf(app, contract);
  t.equal(waiting.length, payloads.length, `${payloads.length} jobs wait in ${contract.name}`);
  t.match(
    waiting.map(({ data }) => data),
    payloads,
  );
}

/** The dead letters. */
export function deadLettersOf<Payload extends object>(
  app: FastifyInstance,
  contract: QueueContract<Payload>,
): Promise<QueuedJob<Payload>[]> {
  return selectJobs(app, deadLetterName(contract), ['created']);
}

/** Works the real queues like a worker until no job is ready. Jobs waiting for a retry stay. */
export async function drain(app: FastifyInstance): Promise<void> {
  await app.queue.work(jobs, { concurrency: 10 });
  await waitFor(async () => !(await hasReadyJob(app)), 'the queues are drained');
  await app.queue.stopWorking();
}

async function hasReadyJob(app: FastifyInstance): Promise<boolean> {
  const names = jobs.map(({ contract }) => contract.name);
  const { rows } = await sql`
    select from pgboss.job
    where name = any(${names})
      and (state = 'active' or (state in ('created', 'retry') and not blocked and start_after <= pgboss.job_now()))
    limit 1
  `.execute(app.db);
  return rows.length > 0;
}

/** Creates a test's own queues, as `npm run migrate` does for the application's. */
export async function createQueues(app: FastifyInstance, contracts: readonly QueueContract[]): Promise<void> {
  const boss = new PgBoss({
    connectionString: app.config.databaseUrl ?? '',
    max: 1,
    migrate: false,
    ...QUIET,
  });
  await boss.start();
  await synchroniseQueues(
    { boss, db: app.db },
    [...queueContracts, ...contracts],
    app.config.siteTimeZone,
  ).finally(() => boss.stop());
}

/** Fails the jobs of workers that seem dead, and starts those that waited for others, as every worker does, but every second. */
export async function supervise(t: Test, app: FastifyInstance): Promise<void> {
  const boss = new PgBoss({
    connectionString: app.config.databaseUrl ?? '',
    max: 1,
    migrate: false,
    ...QUIET,
    supervise: true,
    superviseIntervalSeconds: 1,
    monitorIntervalSeconds: 1,
    flowIntervalSeconds: 1,
  });
  t.teardown(() => boss.stop());
  await boss.start();
}

const QUIET = { supervise: false, schedule: false, registerInstance: false };

/** The history of a job, oldest attempt first. */
export function attemptsOf(app: FastifyInstance, jobId = '') {
  return app.db.selectFrom('job_attempts').selectAll().where('job_id', '=', jobId).orderBy('id').execute();
}

async function selectJobs<Payload>(app: FastifyInstance, name: string, states: readonly string[]) {
  const { rows } = await sql<QueuedJob<Payload>>`
    select id, state, data, retry_count as "retryCount", output from pgboss.job
    where name = ${name} and state::text = any(${states}) order by created_on
  `.execute(app.db);
  return rows;
}
