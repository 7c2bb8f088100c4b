import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { queueContracts } from '../queue/contracts.ts';
import { type DurationCount, readDurations } from '../queue/durations.ts';
import { countJobs } from '../queue/jobs-table.ts';

declare module 'fastify' {
  interface FastifyInstance {
    metrics: {
      /** All metrics in Prometheus's text format. */
      text(): Promise<string>;
      readonly contentType: string;
    };
  }
}

/** Provides `app.metrics`. Requests are counted as they end; the database is queried when the metrics are read. */
export default fp(
  async (app) => {
    const registry = new Registry();
    measureRequests(app, registry);
    measurePool(app, registry);
    let isProcessMeasured = false;
    app.decorate('metrics', {
      contentType: registry.contentType,
      async text() {
        // It starts timers and observers, so only once somebody reads the metrics.
        if (!isProcessMeasured) collectDefaultMetrics({ register: registry });
        isProcessMeasured = true;
        return `${await registry.metrics()}${await describeJobs(app)}`;
      },
    });
  },
  { name: 'metrics', dependencies: ['db', 'mail-outage'] },
);

function measureRequests(app: FastifyInstance, registry: Registry): void {
  const durations = new Histogram({
    name: 'pennypost_http_request_duration_seconds',
    help: 'Time from request to end of response.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers: [registry],
  });
  new Counter({
    name: 'pennypost_http_requests_total',
    help: 'Requests served.',
    labelNames: ['method', 'route', 'status'],
    registers: [registry],
    async collect() {
      this.reset();
      const { values } = await durations.get();
      for (const { metricName, labels, value } of values)
        if (metricName?.endsWith('_count')) this.inc(labels, value);
    },
  });
  // Looking up the labels for each request would cost more than counting.
  const series = new Map<string, { observe(seconds: number): void }>();
  app.addHook('onResponse', ({ method, routeOptions: { url: route = '(no route)' } }, reply, done) => {
    const key = `${method} ${route} ${reply.statusCode}`;
    const measured = series.get(key) ?? durations.labels({ method, route, status: reply.statusCode });
    series.set(key, measured);
    measured.observe(reply.elapsedTime / 1000);
    done();
  });
}

function measurePool({ pool }: FastifyInstance, registry: Registry): void {
  new Gauge({
    name: 'pennypost_database_connections',
    help: 'Pool connections by state, and callers waiting for one.',
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

/** Metrics of all workers' jobs, from the database. */
async function describeJobs(app: FastifyInstance): Promise<string> {
  const { db } = app;
  const outage = await app.mailOutage.refresh();
  const names = queueContracts.map(({ name }) => name);
  const [counts, durations] = await Promise.all([countJobs(db, names), readDurations(db)]);
  const lines = [
    ...header('pennypost_jobs', 'gauge', 'Unfinished jobs by queue and state.'),
    ...counts.flatMap((count) =>
      STATES.map((state) => `pennypost_jobs{queue="${count.queue}",state="${state}"} ${count[state]}`),
    ),
    ...header('pennypost_jobs_oldest_ready_seconds', 'gauge', 'Age of the oldest ready job.'),
    ...counts.map(
      ({ queue, oldestReadySeconds }) =>
        `pennypost_jobs_oldest_ready_seconds{queue="${queue}"} ${oldestReadySeconds}`,
    ),
    ...header('pennypost_dead_letters', 'gauge', 'Jobs that failed for good and wait for an operator.'),
    ...counts.map(({ queue, dead }) => `pennypost_dead_letters{queue="${queue}"} ${dead}`),
    ...header(
      'pennypost_mail_outage_seconds',
      'gauge',
      'How long no email has been delivered while some waits.',
    ),
    `pennypost_mail_outage_seconds ${outage === undefined ? 0 : (Date.now() - outage.getTime()) / 1000}`,
    ...header('pennypost_job_duration_seconds', 'histogram', 'Duration of job attempts, across all workers.'),
    ...names.flatMap((name) =>
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
  const metric = 'pennypost_job_duration_seconds';
  const total = (key: 'jobs' | 'seconds') => counts.reduce((sum, count) => sum + count[key], 0);
  let jobs = 0;
  return [
    ...counts
      .filter(({ bucket }) => bucket !== Infinity)
      .map((count) => {
        jobs += count.jobs;
        return `${metric}_bucket{queue="${queue}",le="${count.bucket}"} ${jobs}`;
      }),
    `${metric}_bucket{queue="${queue}",le="+Inf"} ${total('jobs')}`,
    `${metric}_sum{queue="${queue}"} ${total('seconds')}`,
    `${metric}_count{queue="${queue}"} ${total('jobs')}`,
  ];
}
