import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { queueContracts } from '../all-queues.ts';
import { countBounced } from '../domain/mail/bounce.ts';
import {
  countJobs,
  DURATION_BUCKETS,
  type DurationCount,
  listLiveWorkers,
  readDurations,
} from '../queue/index.ts';

declare module 'fastify' {
  interface FastifyInstance {
    metrics: {
      /** All metrics in Prometheus's text format. */
      text(): Promise<string>;
      readonly contentType: string;
    };
  }
}

/** Provides `app.metrics`. Requests are measured as they end; the database is queried when the metrics are read. */
export default fp(
  async (app) => {
    const registry = new Registry();
    measureRequests(app, registry);
    measurePool(app, registry);
    const databaseUp = new Gauge({
      name: 'pennypost_database_up',
      help: 'Whether the database answers. If not, the metrics of jobs are missing.',
      registers: [registry],
    });
    let isProcessMeasured = false;
    app.decorate('metrics', {
      contentType: registry.contentType,
      async text() {
        // This starts timers and observers, so it waits until somebody reads the metrics.
        if (!isProcessMeasured) collectDefaultMetrics({ register: registry });
        isProcessMeasured = true;
        const jobs = await describeJobs(app).catch((error) =>
          app.outages.logFailure(error, {}, 'could not read the metrics of jobs'),
        );
        databaseUp.set(jobs === undefined ? 0 : 1);
        return `${await registry.metrics()}${jobs ?? ''}`;
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
  app.addHook(
    'onResponse',
    ({ method, routeOptions: { url: route = '(no route)', config } }, reply, done) => {
      if (config.isEndless) return done();
      const key = `${method} ${route} ${reply.statusCode}`;
      const measured = series.get(key) ?? durations.labels({ method, route, status: reply.statusCode });
      series.set(key, measured);
      measured.observe(reply.elapsedTime / 1000);
      done();
    },
  );
}

function measurePool({ pool }: FastifyInstance, registry: Registry): void {
  new Gauge({
    name: 'pennypost_database_connections',
    help: 'Connections of the pool by state.',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      this.set({ state: 'busy' }, pool.totalCount - pool.idleCount);
      this.set({ state: 'idle' }, pool.idleCount);
    },
  });
  new Gauge({
    name: 'pennypost_database_connection_waiters',
    help: 'Callers that wait for a connection of the pool.',
    registers: [registry],
    collect() {
      this.set(pool.waitingCount);
    },
  });
}

const STATES = ['ready', 'retrying', 'deferred', 'blocked', 'active', 'failed'] as const;

/** Metrics of all workers' jobs, from the database. */
async function describeJobs(app: FastifyInstance): Promise<string> {
  const { db } = app;
  const outage = await app.mailOutage.refresh();
  const names = queueContracts.map(({ name }) => name);
  const [counts, workers, durations, latencies, bounced] = await Promise.all([
    countJobs(db, names),
    listLiveWorkers(db),
    readDurations(db, 'job_durations'),
    readDurations(db, 'job_latencies'),
    countBounced(db),
  ]);
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
      'How long no email has been delivered while some is waiting.',
    ),
    `pennypost_mail_outage_seconds ${outage === undefined ? 0 : (Date.now() - outage.getTime()) / 1000}`,
    ...header('pennypost_bounced_accounts', 'gauge', 'Accounts with an address that does not exist.'),
    `pennypost_bounced_accounts ${bounced}`,
    ...header('pennypost_workers', 'gauge', 'Worker processes that are alive.'),
    `pennypost_workers ${workers.length}`,
    ...header('pennypost_job_duration_seconds', 'histogram', 'Duration of job attempts, across all workers.'),
    ...names.flatMap((name) => histogram('pennypost_job_duration_seconds', name, durations)),
    ...header(
      'pennypost_job_latency_seconds',
      'histogram',
      'Time from enqueueing a job to its completion, retries included, across all workers.',
    ),
    ...names.flatMap((name) => histogram('pennypost_job_latency_seconds', name, latencies)),
  ];
  return `${lines.join('\n')}\n`;
}

function header(name: string, type: string, help: string): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`];
}

/** One queue's histogram. It has every bucket, because Prometheus cannot query missing ones. */
function histogram(metric: string, queue: string, all: readonly DurationCount[]): string[] {
  const counts = all.filter((count) => count.queue === queue);
  const sum = (key: 'jobs' | 'seconds', bound = Infinity) =>
    counts.filter(({ bucket }) => bucket <= bound).reduce((total, count) => total + count[key], 0);
  return [
    ...DURATION_BUCKETS.map(
      (bound) => `${metric}_bucket{queue="${queue}",le="${bound}"} ${sum('jobs', bound)}`,
    ),
    `${metric}_bucket{queue="${queue}",le="+Inf"} ${sum('jobs')}`,
    `${metric}_sum{queue="${queue}"} ${sum('seconds')}`,
    `${metric}_count{queue="${queue}"} ${sum('jobs')}`,
  ];
}
