import t from 'tap';
import { addDurations } from '../../src/queue/durations.ts';
import { defineJob, PermanentFailure, step } from '../../src/queue/index.ts';
import { erasureQueue, mailQueue } from '../../src/queues.ts';
import { build } from '../support/build.ts';
import { createDatabase } from '../support/database.ts';
import { deadLettersOf } from '../support/jobs.ts';
import { FaultyProxy } from '../support/proxy.ts';
import { waitFor } from '../support/wait-for.ts';

const TOKEN = 'a-token-of-some-length';

t.test('without METRICS_TOKEN, only this machine can read the metrics', async (t) => {
  const app = await build(t);
  t.equal((await app.inject('/metrics')).statusCode, 200);
  t.equal((await app.inject({ url: '/metrics', remoteAddress: '192.0.2.7' })).statusCode, 403);
  const forwarded = { url: '/metrics', headers: { 'x-forwarded-for': '192.0.2.7' } };
  t.equal((await app.inject(forwarded)).statusCode, 403);
});

t.test('with METRICS_TOKEN, anyone who sends it can read the metrics from anywhere', async (t) => {
  const app = await build(t, { METRICS_TOKEN: TOKEN });
  const ask = (authorization?: string) =>
    app.inject({
      url: '/metrics',
      remoteAddress: '192.0.2.7',
      ...(authorization !== undefined && { headers: { authorization } }),
    });
  t.equal((await ask(`Bearer ${TOKEN}`)).statusCode, 200);
  t.equal((await ask('Bearer nonsense')).statusCode, 401);
  t.equal((await ask()).headers['www-authenticate'], 'Bearer');
  t.equal((await app.inject('/metrics')).statusCode, 401, 'this machine too');
});

t.test('the metrics cover requests, the pool and the jobs of all workers', async (t) => {
  const app = await build(t);
  const worker = await build(t, { DATABASE_URL: app.config.databaseUrl, SHUTDOWN_GRACE_SECONDS: '1' });
  await app.inject('/health/live');
  await app.inject('/nothing/here');
  for (const userId of [1, 2, 3]) {
    await app.queue.send(mailQueue, { template: 'confirm-account', userId }, { db: app.db });
  }
  const job = defineJob(mailQueue, async (_app, payload) => {
    if ('userId' in payload && payload.userId === 3) throw new PermanentFailure('no');
  });
  await worker.queue.work([job], { concurrency: 2 });
  await waitFor(async () => (await deadLettersOf(app, mailQueue)).length === 1, 'all are done');
  await worker.queue.stopWorking();
  const attempt = [{ queue: 'exports', bucket: 5, jobs: 1, seconds: 3 }];
  for (const _worker of [1, 2]) await addDurations(app.db, { job_durations: attempt, job_latencies: [] });
  await app.queue.send(
    mailQueue,
    { template: 'confirm-account', userId: 4 },
    { db: app.db, startAfter: new Date(Date.now() + 60_000) },
  );
  await app.queue.send(mailQueue, { template: 'confirm-account', userId: 5 }, { db: app.db });

  const first = step(mailQueue, { template: 'confirm-account', userId: 6 });
  await app.queue.flow([step(erasureQueue, { userId: 6 }, { after: [first] })], { db: app.db });

  const { body, headers } = await app.inject('/metrics');
  const seconds = Number(/pennypost_job_latency_seconds_sum\{queue="mail"\} (\S+)/.exec(body)?.[1]);
  t.ok(seconds > 0 && seconds < 600, `${seconds} s`);
  t.match(headers['content-type'], /^text\/plain; version=0\.0\.4/);
  for (const line of [
    'pennypost_http_requests_total{method="GET",route="/health/live",status="200"} 1',
    'pennypost_http_requests_total{method="GET",route="(no route)",status="404"} 1',
    'pennypost_http_request_duration_seconds_count{method="GET",route="/health/live",status="200"} 1',
    'pennypost_database_up 1',
    'pennypost_database_connection_waiters 0',
    'pennypost_workers 0',
    'pennypost_jobs{queue="mail",state="ready"} 2',
    'pennypost_jobs{queue="mail",state="deferred"} 1',
    'pennypost_jobs{queue="mail",state="failed"} 1',
    'pennypost_jobs{queue="erasure",state="blocked"} 1',
    'pennypost_dead_letters{queue="mail"} 1',
    'pennypost_job_duration_seconds_count{queue="mail"} 3',
    'pennypost_job_duration_seconds_bucket{queue="mail",le="+Inf"} 3',
    'pennypost_job_duration_seconds_count{queue="exports"} 2',
    'pennypost_job_duration_seconds_sum{queue="exports"} 6',
    'pennypost_job_latency_seconds_count{queue="mail"} 2',
    'pennypost_job_latency_seconds_bucket{queue="mail",le="86400"} 2',
    'pennypost_job_latency_seconds_bucket{queue="digest",le="60"} 0',
  ]) {
    t.ok(body.includes(`${line}\n`), line);
  }
  t.match(body, /pennypost_jobs_oldest_ready_seconds\{queue="mail"\} 0\.\d+/);
  t.match(body, 'process_resident_memory_bytes');
});

t.test('while the database is away, the other metrics are still there', async (t) => {
  const proxy = await FaultyProxy.open(t, await createDatabase(t));
  const app = await build(t, { DATABASE_URL: proxy.url });
  await app.inject('/health/live');
  await proxy.refuse();
  const { statusCode, body } = await app.inject('/metrics');
  t.equal(statusCode, 200);
  t.match(body, /^pennypost_database_up 0$/m);
  t.match(body, 'pennypost_http_requests_total{method="GET",route="/health/live",status="200"} 1');
  t.notMatch(body, 'pennypost_dead_letters');
});

t.test('while pages hold all the connections they may, the database is not reported as down', async (t) => {
  const app = await build(t);
  const lock = await app.pool.connect();
  await lock.query('begin');
  await lock.query('lock table posts');
  const pages = Array.from({ length: 20 }, () => app.inject('/'));
  await waitFor(() => app.pool.totalCount - app.pool.idleCount > 6, 'the pages wait');
  const { body } = await app.inject('/metrics');
  await lock.query('rollback');
  lock.release();
  t.match(body, /^pennypost_database_up 1$/m);
  await Promise.all(pages);
});
