import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import t from 'tap';
import { defineJob, type JobContext } from '../../src/queue/job.ts';
import { findReport, JobReport } from '../../src/queue/report.ts';
import { exportQueue } from '../../src/queues.ts';
import { build } from '../support/build.ts';
import { createUser, signedInClient } from '../support/factories.ts';
import { jobsOf } from '../support/jobs.ts';
import { captureLog } from '../support/log.ts';
import { waitFor } from '../support/wait-for.ts';

/** Enqueues a job of `exports` and starts a worker that runs it. Returns its id, and its page. */
async function start(t: Parameters<typeof build>[0], run: (context: JobContext) => Promise<void>) {
  const app = await build(t, { SHUTDOWN_GRACE_SECONDS: '1' });
  const client = await signedInClient(
    app,
    await createUser(app, { username: 'boss', role: 'Administrator' }),
  );
  await app.queue.work([defineJob(exportQueue, (_app, _payload, context) => run(context))], {
    concurrency: 1,
  });
  const id = await app.queue.send(exportQueue, { exportId: 1 }, { db: app.db });
  const page = async () => (await client.get(`/admin/jobs/job/exports/${id}`)).body;
  const ended = () =>
    waitFor(async () => (await jobsOf(app, exportQueue, ['completed'])).length === 1, 'it is completed');
  return { app, page, ended };
}

t.test('a job shows its progress, its log and its result, and writes once a second', async (t) => {
  const { promise: halfway, resolve: goOn } = Promise.withResolvers<void>();
  const { app, page, ended } = await start(t, async ({ progress, keep, log }) => {
    for (let done = 1; done <= 50; done += 1) progress(done, 100, 'rows');
    log.warn({ err: new Error('token=abc'), row: 7 }, 'a row is odd');
    await halfway;
    for (let line = 1; line <= 120; line += 1) log.info({}, `line ${line}.`);
    progress(100, 100);
    keep({ rows: 100 });
  });
  await sql`
    create table writes (at timestamptz default clock_timestamp());
    create function count_write() returns trigger language plpgsql as 'begin insert into writes default values; return null; end';
    create trigger count_write after insert or update on job_reports for each row execute function count_write();
  `.execute(app.db);
  const body = await waitFor(async () => {
    const shown = await page();
    return shown.includes('(50%)') && shown;
  }, 'its progress is shown');
  t.match(body, '<progress id="progress" max="100" value="50">');
  t.match(body, 'a row is odd: token=[redacted] {&quot;row&quot;:7}');
  goOn();
  await ended();
  const after = await page();
  t.match(after, '100 of 100  (100%)');
  t.match(after, '&quot;rows&quot;: 100');
  t.match(after, 'line 120.');
  t.notMatch(after, 'line 20.', 'the newest hundred lines are kept');
  const { rows } = await sql`select from writes`.execute(app.db);
  t.ok(rows.length <= 3, `${rows.length} writes`);
});

t.test('the log of an attempt that failed is kept, and a result that is too long is refused', async (t) => {
  let attempts = 0;
  const { app, page } = await start(t, async ({ keep, log }) => {
    attempts += 1;
    log.info({}, `attempt ${attempts}.`);
    if (attempts === 1) keep({ text: 'x'.repeat(4_000) });
  });
  await waitFor(async () => (await jobsOf(app, exportQueue, ['retry'])).length === 1, 'it failed');
  t.match(await page(), 'result: is too long to be stored');
  await sql`update pgboss.job set start_after = now() where name = 'exports'`.execute(app.db);
  await waitFor(async () => (await jobsOf(app, exportQueue, ['completed'])).length === 1, 'it is completed');
  t.match(await page(), /attempt 1\.[\s\S]*attempt 2\./);
});

t.test('the report of a job is redacted and truncated, and its rest is written at the end', async (t) => {
  const captured = captureLog();
  const app = await build(t, {}, { logger: captured.logger });
  const failures: unknown[] = [];
  const logFailure = (_error: unknown, details: object, message: string) =>
    void failures.push({ ...details, message });
  const parts = { app, db: app.db, logFailure };
  const jobId = randomUUID();
  const told = () => findReport(app.db, jobId);
  const other = new JobReport({ queue: 'exports', jobId: randomUUID(), attempt: 1 });
  other.reporting(parts).log.info({}, 'of another job');
  await other.end(parts);
  await new JobReport({ queue: 'exports', jobId, attempt: 1 }).end(parts);
  t.equal(await told(), undefined, 'one that tells nothing writes nothing');

  const report = new JobReport({ queue: 'exports', jobId, attempt: 1 });
  const { progress, keep, log } = report.reporting(parts);
  const startedAt = performance.now();
  progress(1, 3, `password=hunter2 ${'x'.repeat(300)}`);
  log.info({}, 'started');
  log.warn({ row: 7, auth: 'abc' }, 'odd row');
  log.error({ err: new Error('no'), row: 8 }, 'bad row');
  log.error({ err: 'no error' }, 'y'.repeat(600));
  const logged = captured.lines().find(({ msg }) => msg === 'odd row');
  t.match(logged, { level: 40, queue: 'exports', jobId, attempt: 1, row: 7 });
  const first = await waitFor(told, 'it is written without waiting for the end');
  t.match(first, { done: 1, total: 3, words: /^password=\[redacted\] x+$/ });
  t.equal(first.words?.length, 200);
  t.same(
    first.lines.map(({ level, text }) => `${level}: ${text}`),
    [
      'info: started',
      'warn: odd row {"row":7,"auth":"[redacted]"}',
      'error: bad row: no {"row":8}',
      `error: ${'y'.repeat(500)}`,
    ],
  );
  progress(2, 3);
  await waitFor(async () => (await told())?.done === 2, 'it is written again');
  t.ok(performance.now() >= startedAt + 1_000, 'but not within a second');
  progress(3, 3);
  await report.end(parts);
  t.match(await told(), { done: 3, words: null, lines: first.lines });

  progress(9, 9);
  log.info({}, 'late');
  await report.end(parts);
  t.match(
    await told(),
    { done: 3, lines: [...first.lines, { text: 'late' }] },
    'of a handler that goes on after its attempt has ended, only the log is written',
  );

  keep({ a: 'x'.repeat(3_992) });
  t.throws(() => keep({ a: 'x'.repeat(3_993) }), { name: 'TypeError', message: /^result: is too long/ });
  t.same(report.result, { a: 'x'.repeat(3_992) });

  const next = new JobReport({ queue: 'exports', jobId, attempt: 2 });
  next.reporting(parts).log.info({}, 'again');
  await next.end(parts);
  const second = await told();
  t.match(second, { done: null, total: null, lines: [...first.lines, { text: 'late' }, { text: 'again' }] });
  t.equal(second?.lines.length, 6);
  log.info({}, 'later');
  await report.end(parts);
  t.match(await told(), { done: null }, 'the next attempt’s progress is not replaced');

  t.same(failures, []);
  const faulty = new JobReport({ queue: 'exports', jobId: 'no id', attempt: 1 });
  faulty.reporting(parts).progress(1, 2);
  await faulty.end(parts);
  const message = 'could not write the progress of a job';
  t.same(
    failures,
    [{ queue: 'exports', jobId: 'no id', attempt: 1, message }],
    'which does not fail the job',
  );
});
