import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { countJobs, NO_JOBS, type QueueCounts } from '../domain/jobs/count.ts';
import { type DurationCount, readDurations } from '../domain/jobs/durations.ts';
import { deadLetterName, queueContracts } from '../queues.ts';

declare module 'fastify' {
  interface FastifyInstance {
    metrics: {
      /** Everything there is to measure, as Prometheus reads it. */
      text(): Promise<string>;
      readonly contentType: string;
    };
  }
}

/** `app.metrics`: counts requests as they end; what the database knows is asked when somebody looks. */
export default fp(
  async (app) => {
    const registry = new Registry();
    measureRequests(app, registry);
    measurePool(app, registry);
    let isProcessMeasured = false;
    app.decorate('metrics', {
      contentType: registry.contentType,
      async text() {
        // It keeps timers and observers, which an app that nobody measures need not have.
        if (!isProcessMeasured) collectDefaultMetrics({ register: registry });
        isProcessMeasured = true;
        return `${await registry.metrics()}${await describeJobs(app)}`;
      },
    });
  },
  { name: 'metrics', dependencies: ['db'] },
);

function measureRequests(app: FastifyInstance, registry: Registry): void {
  const durations = new Histogram({
    name: 'pennypost_http_request_duration_seconds',
    help: 'Time from a request to the end of its answer.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers: [registry],
  });
  const requests = new Counter({
    name: 'pennypost_http_requests_total',
    help: 'Requests answered.',
    labelNames: ['method', 'route', 'status'],
    registers: [registry],
  });
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? '(no route)';
    const labels = { method: request.method, route, status: reply.statusCode };
    requests.inc(labels);
    durations.observe(labels, reply.elapsedTime / 1000);
  });
}

function measurePool({ pool }: FastifyInstance, registry: Registry): void {
  new Gauge({
    name: 'pennypost_database_connections',
    help: 'Connections of the pool by what they do, and callers waiting for one.',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      this.set({ state: 'busy' }, pool.totalCount - pool.idleCount);
      this.set({ state: 'idle' }, pool.idleCount);
      this.set({ state: 'waited for' }, pool.waitingCount);
    },
  });
}

const STATES = ['ready', 'deferred', 'active', 'failed'] as const;

/** The jobs of all workers, as their database has them. */
async function describeJobs({ db }: FastifyInstance): Promise<string> {
  const [counts, durations] = await Promise.all([countJobs(db), readDurations(db)]);
  const of = (name: string): Omit<QueueCounts, 'queue'> => counts.get(name) ?? NO_JOBS;
  const lines = [
    ...header('pennypost_jobs', 'gauge', 'Jobs that are not done, by queue and state.'),
    ...queueContracts.flatMap(({ name }) =>
      STATES.map((state) => `pennypost_jobs{queue="${name}",state="${state}"} ${of(name)[state]}`),
    ),
    ...header('pennypost_jobs_oldest_ready_seconds', 'gauge', 'How long the oldest ready job has waited.'),
    ...queueContracts.map(
      ({ name }) => `pennypost_jobs_oldest_ready_seconds{queue="${name}"} ${of(name).oldestReadySeconds}`,
    ),
    ...header('pennypost_dead_letters', 'gauge', 'Jobs that were given up and wait for somebody.'),
    ...queueContracts.map((contract) => {
      const { ready, deferred } = of(deadLetterName(contract));
      return `pennypost_dead_letters{queue="${contract.name}"} ${ready + deferred}`;
    }),
    ...header(
      'pennypost_job_duration_seconds',
      'histogram',
      'How long attempts at jobs took, of all workers.',
    ),
    ...queueContracts.flatMap(({ name }) =>
      histogram(
        name,
        durations.filter(({ queue }) => queue === name),
      ),
    ),
  ];
  return `${lines.join('\n')}\n`;
}

function header(name: string, type: string, help: string): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`];
}

function histogram(queue: string, counts: readonly DurationCount[]): string[] {
  let jobs = 0;
  const name = 'pennypost_job_duration_seconds';
  const buckets = counts.map((count) => {
    jobs += count.jobs;
    return `${name}_bucket{queue="${queue}",le="${count.bucket === Infinity ? '+Inf' : count.bucket}"} ${jobs}`;
  });
  const seconds = counts.reduce((sum, count) => sum + count.seconds, 0);
  return [
    ...buckets.filter((line) => !line.includes('+Inf')),
    `${name}_bucket{queue="${queue}",le="+Inf"} ${jobs}`,
    `${name}_sum{queue="${queue}"} ${seconds}`,
    `${name}_count{queue="${queue}"} ${jobs}`,
  ];
}
