import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import t from 'tap';
import { Type } from 'typebox';
import { recordAttempts } from '../src/queue/attempts.ts';
import { defineQueue } from '../src/queue/contract.ts';
import { readDurations } from '../src/queue/durations.ts';
import { defineJob } from '../src/queue/job.ts';
import { handBack } from '../src/queue/jobs-table.ts';
import { listPausedQueues, pauseQueue, resumeQueue } from '../src/queue/pause.ts';
import { hasConsumingWorker, listLiveWorkers } from '../src/queue/presence.ts';
import { build } from './support/build.ts';
import { attemptsOf, createQueues, deadLettersOf, jobsOf } from './support/jobs.ts';
import { waitFor } from './support/wait-for.ts';

t.jobs = 4;

const payload = Type.Object({ n: Type.Integer() }, { additionalProperties: false });
const retry = { limit: 2, delaySeconds: 1, maxDelaySeconds: 1 };
const plain = defineQueue({ name: 'plain', payload, retry, timeoutSeconds: 60 });
const hasty = defineQueue({ name: 'hasty', payload, retry, timeoutSeconds: 1 });
const narrow = defineQueue({ name: 'narrow', payload, retry, timeoutSeconds: 60, concurrency: 2 });
const prefetched = defineQueue({ name: 'prefetched', payload, retry, timeoutSeconds: 60, prefetch: 20 });
const single = defineQueue({
  name: 'single',
  payload,
  retry,
  timeoutSeconds: 60,
  key: { of: ({ n }) => String(n), rule: 'unique-while-waiting' },
});

async function buildWithQueues(t: Parameters<typeof build>[0], graceSeconds = 1) {
  const app = await build(t, { SHUTDOWN_GRACE_SECONDS: String(graceSeconds) });
  await createQueues(app, [plain, hasty, narrow, prefetched, single]);
  return app;
}

/** A promise that keeps a job running until the test resolves it. */
function gate() {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}

t.test('a slow job delays no other job and no result', async (t) => {
  const app = await buildWithQueues(t);
  const { opened, open } = gate();
  const numbers = Array.from({ length: 300 }, (_, n) => ({ n }));
  await app.queue.sendAll(plain, numbers, { db: app.db });
  const job = defineJob(plain, async (_app, { n }) => {
    if (n === 0) await opened;
  });
  await app.queue.work([job], { concurrency: 4 });

  await waitFor(async () => (await jobsOf(app, plain, ['completed'])).length === 299, 'the others end');
  await app.queue.send(plain, { n: 300 }, { db: app.db });
  await waitFor(async () => (await jobsOf(app, plain, ['completed'])).length === 300, 'a new one too');
  open();
});

/** Starts a worker whose two slots run slow jobs, and which has fetched eight more. */
async function prefetchBehindSlowJobs(t: Parameters<typeof build>[0]) {
  const app = await buildWithQueues(t, 60);
  const { opened, open } = gate();
  const ends: string[] = [];
  app.queue.events.on('ended', ({ outcome, durationMs }) => ends.push(`${outcome} after ${durationMs} ms`));
  const numbers = Array.from({ length: 10 }, (_, n) => ({ n }));
  await app.queue.sendAll(prefetched, numbers, { db: app.db });
  await app.queue.work([defineJob(prefetched, () => opened)], { concurrency: 2 });
  const attempts = app.db.selectFrom('job_attempts').select('id');
  await waitFor(async () => (await attempts.execute()).length === 10, 'all are fetched');
  return { app, open, ends };
}

t.test('jobs fetched behind slow ones go to another worker', async (t) => {
  const { app, open } = await prefetchBehindSlowJobs(t);
  const [worker] = await waitFor(async () => {
    const workers = await listLiveWorkers(app.db);
    return (workers[0]?.running.length ?? 0) > 0 && workers;
  }, 'it has told what it runs');
  t.equal(worker?.running.length, 2, 'those that have started');

  const other = await build(t, { DATABASE_URL: app.config.databaseUrl });
  await other.queue.work([defineJob(prefetched, async () => {})], { concurrency: 2 });
  const completed = () => jobsOf(other, prefetched, ['completed']);
  await waitFor(async () => (await completed()).length === 8, 'the other worker runs them');
  t.ok((await completed()).every(({ retryCount }) => retryCount === 0));
  open();
});

t.test('a stopping worker hands unstarted jobs back before its grace period ends', async (t) => {
  const { app, open, ends } = await prefetchBehindSlowJobs(t);
  const stopping = app.queue.stopWorking();
  await waitFor(async () => (await jobsOf(app, prefetched)).length === 8, 'they are handed back');
  await waitFor(() => ends.length === 8, 'which is told');
  t.same(ends, Array(8).fill('handed back after 0 ms'));
  const [handedBack] = await jobsOf(app, prefetched);
  t.match(await attemptsOf(app, handedBack?.id), [
    { outcome: 'handed back', error: 'it had not been started' },
  ]);
  open();
  await stopping;
  t.same(
    (await jobsOf(app, prefetched)).map(({ retryCount }) => retryCount),
    Array(8).fill(0),
  );
  t.equal((await jobsOf(app, prefetched, ['completed'])).length, 2);
});

t.test('pausing a queue hands unstarted jobs back', async (t) => {
  const { app, open } = await prefetchBehindSlowJobs(t);
  await pauseQueue(app.db, prefetched.name);
  await waitFor(async () => (await jobsOf(app, prefetched)).length === 8, 'they are handed back');
  open();
  await waitFor(async () => (await jobsOf(app, prefetched, ['completed'])).length === 2, 'the others go on');
  t.equal((await jobsOf(app, prefetched)).length, 8);
});

t.test('a job whose handler never returns times out and frees its slot', async (t) => {
  const app = await buildWithQueues(t);
  const signals: AbortSignal[] = [];
  const job = defineJob(hasty, async (_app, { n }, { signal }) => {
    if (n !== 1) return;
    signals.push(signal);
    await new Promise(() => {});
  });
  await app.queue.send(hasty, { n: 1 }, { db: app.db });
  await app.queue.work([job], { concurrency: 1 });
  await waitFor(() => signals.length === 1, 'it runs');
  await app.queue.send(hasty, { n: 2 }, { db: app.db });

  await waitFor(async () => (await jobsOf(app, hasty, ['completed'])).length === 1, 'the other one is done');
  await waitFor(async () => (await deadLettersOf(app, hasty)).length === 1, 'it is given up');

  t.equal(signals.length, 3);
  t.match(signals[0]?.reason, { message: 'timed out after 1 seconds' });
  const [dead] = await jobsOf(app, hasty, ['failed']);
  t.match(await attemptsOf(app, dead?.id), [
    { attempt: 1, outcome: 'timed out', error: 'timed out after 1 seconds' },
    { attempt: 2, outcome: 'timed out' },
    { attempt: 3, outcome: 'timed out' },
  ]);
});

t.test('an attempt’s signal aborts a slow query', async (t) => {
  const app = await buildWithQueues(t);
  const job = defineJob(hasty, async ({ db }, _payload, { signal }) => {
    await sql`select pg_sleep(60)`.execute(db, { signal, inflightQueryAbortStrategy: 'cancel query' });
  });
  const outcomes: string[] = [];
  app.queue.events.on('ended', ({ outcome }) => outcomes.push(outcome));
  await app.queue.send(hasty, { n: 1 }, { db: app.db });
  await app.queue.work([job], { concurrency: 1 });
  await waitFor(() => outcomes.includes('timed out'), 'it timed out');
  await waitFor(async () => {
    const { rows } = await sql`
      select from pg_stat_activity
      where query like 'select pg_sleep(60)%' and state = 'active' and datname = current_database()
    `.execute(app.db);
    return rows.length === 0;
  }, 'the database has stopped as well');
});

t.test('a stopping worker hands unfinished jobs back without losing an attempt', async (t) => {
  const app = await buildWithQueues(t);
  let running = 0;
  const job = defineJob(plain, async (_app, { n }, { signal }) => {
    running += 1;
    if (n === 1) await sleep(60_000, undefined, { signal });
    if (n === 2) await new Promise(() => {});
  });
  await app.queue.work([job], { concurrency: 3 });
  for (const n of [1, 2]) await app.queue.send(plain, { n }, { db: app.db });
  await waitFor(() => running === 2, 'both run');

  await app.queue.stopWorking();

  const jobs = await jobsOf(app, plain);
  t.match(jobs, [
    { state: 'retry', retryCount: 0 },
    { state: 'retry', retryCount: 0 },
  ]);
  t.match(await attemptsOf(app, jobs[0]?.id), [{ attempt: 1, outcome: 'handed back' }]);

  await app.queue.work([defineJob(plain, async () => {})], { concurrency: 3 });
  await waitFor(
    async () => (await jobsOf(app, plain, ['completed'])).length === 2,
    'the next worker runs them',
  );
  t.match(await attemptsOf(app, jobs[0]?.id), [{ outcome: 'handed back' }, { attempt: 1, outcome: null }]);
});

t.test('a stopping worker lets a job that heeds its signal finish', async (t) => {
  const app = await buildWithQueues(t);
  const started = gate();
  const job = defineJob(plain, async (_app, _payload, { signal }) => {
    started.open();
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
  });
  await app.queue.send(plain, { n: 1 }, { db: app.db });
  await app.queue.work([job], { concurrency: 1 });
  await started.opened;
  await app.queue.stopWorking();
  t.equal((await jobsOf(app, plain, ['completed'])).length, 1);
});

t.test('an attempt that lost its job cannot settle it and is told to stop', async (t) => {
  const app = await buildWithQueues(t);
  const { opened, open } = gate();
  const outcomes: string[] = [];
  app.queue.events.on('ended', ({ outcome }) => outcomes.push(outcome));
  const job = defineJob(plain, async (_app, _payload, { attempt }) => {
    if (attempt === 1) await opened;
    else await new Promise(() => {});
  });
  await app.queue.send(plain, { n: 1 }, { db: app.db });
  await app.queue.work([job], { concurrency: 2 });
  await waitFor(async () => (await jobsOf(app, plain, ['active'])).length === 1, 'it runs');
  // As pg-boss does when a worker stops sending heartbeats.
  await sql`update pgboss.job set state = 'retry' where name = 'plain'`.execute(app.db);
  await waitFor(async () => (await jobsOf(app, plain, ['active']))[0]?.retryCount === 1, 'it runs again');

  open();
  await waitFor(() => outcomes.length === 1, 'the first attempt has ended');
  t.match(await jobsOf(app, plain, ['active']), [{ retryCount: 1 }], 'the second is unchanged');
});

t.test('a job cancelled while running is told to stop', async (t) => {
  const app = await buildWithQueues(t);
  const outcomes: string[] = [];
  app.queue.events.on('ended', ({ outcome }) => outcomes.push(outcome));
  const job = defineJob(plain, async (_app, _payload, { signal }) => {
    await sleep(60_000, undefined, { signal });
  });
  await app.queue.send(plain, { n: 1 }, { db: app.db });
  await app.queue.work([job], { concurrency: 1 });
  await waitFor(async () => (await jobsOf(app, plain, ['active'])).length === 1, 'it runs');
  await sql`update pgboss.job set state = 'cancelled' where name = 'plain'`.execute(app.db);
  await waitFor(() => outcomes.length === 1, 'it ends');
  t.same(outcomes, ['taken away']);
  t.equal((await jobsOf(app, plain, ['cancelled'])).length, 1);
});

t.test('a queue takes no more slots than its contract allows', async (t) => {
  const app = await buildWithQueues(t);
  const { opened, open } = gate();
  let running = 0;
  const slow = defineJob(narrow, async () => {
    running += 1;
    await opened;
  });
  const quick = defineJob(plain, async () => {});
  const many = Array.from({ length: 10 }, (_, n) => ({ n }));
  await app.queue.sendAll(narrow, many, { db: app.db });
  await app.queue.work([slow, quick], { concurrency: 4 });
  await waitFor(() => running === 2, 'two run');
  await app.queue.sendAll(plain, many, { db: app.db });
  await waitFor(
    async () => (await jobsOf(app, plain, ['completed'])).length === 10,
    'the other queue continues',
  );
  t.equal(running, 2);
  open();
  await waitFor(async () => (await jobsOf(app, narrow, ['completed'])).length === 10, 'then all');
});

t.test('only one job per unique key waits', async (t) => {
  const app = await buildWithQueues(t);
  t.type(await app.queue.send(single, { n: 1 }, { db: app.db }), 'string');
  t.equal(await app.queue.send(single, { n: 1 }, { db: app.db }), undefined);
  t.type(await app.queue.send(single, { n: 2 }, { db: app.db }), 'string');
  t.equal((await jobsOf(app, single)).length, 2);
});

t.test('jobs run by priority, and never before their start time', async (t) => {
  const app = await buildWithQueues(t);
  const order: number[] = [];
  const startAfter = new Date(Date.now() + 3_600_000);
  const { queue, db } = app;
  await queue.send(plain, { n: 5 }, { db, priority: 9, startAfter });
  await queue.send(plain, { n: 4 }, { db });
  await queue.send({ ...plain, priority: 1 }, { n: 3 }, { db });
  await queue.sendAll({ ...plain, priority: 2 }, [{ n: 2 }], { db });
  await queue.send({ ...plain, priority: 1 }, { n: 1 }, { db, priority: 3 });
  const job = defineJob(plain, async (_app, { n }) => {
    order.push(n);
  });
  await app.queue.work([job], { concurrency: 1 });
  await waitFor(() => order.length === 4, 'those whose time has come are done');
  t.match(await jobsOf(app, plain), [{ data: { n: 5 } }]);
  await sql`update pgboss.job set start_after = now() where name = ${plain.name}`.execute(app.db);
  await waitFor(() => order.length === 5, 'and the other, once its time has come');
  t.same(order, [1, 2, 3, 4, 5]);
});

t.test('no worker takes jobs from a paused queue until it is resumed', async (t) => {
  const app = await buildWithQueues(t);
  for (const { name } of [plain, narrow, plain]) await pauseQueue(app.db, name);
  t.same(await listPausedQueues(app.db), new Set([plain.name, narrow.name]));
  await app.queue.send(plain, { n: 1 }, { db: app.db });
  await app.queue.work([defineJob(plain, async () => {})], { concurrency: 2 });
  await app.queue.send(plain, { n: 2 }, { db: app.db });
  await sleep(1_500);
  t.equal((await jobsOf(app, plain)).length, 2);
  await resumeQueue(app.db, plain.name);
  t.same(await listPausedQueues(app.db), new Set([narrow.name]));
  await waitFor(async () => (await jobsOf(app, plain, ['completed'])).length === 2, 'it goes on');
});

t.test('a worker reports its presence and its jobs', async (t) => {
  const app = await buildWithQueues(t);
  const { opened, open } = gate();
  t.notOk(await hasConsumingWorker(app.db));
  await app.queue.send(plain, { n: 1 }, { db: app.db });
  await app.queue.work([defineJob(plain, () => opened)], { concurrency: 2 });
  const [worker] = await waitFor(async () => {
    const workers = await listLiveWorkers(app.db);
    return workers[0]?.running.length === 1 && workers;
  }, 'it has told what it does');
  t.match(worker, { queues: ['plain'], concurrency: 2, running: [{ queue: 'plain', attempt: 1 }] });
  await waitFor(async () => {
    await sql`update workers set fetched_at = now() - interval '2 minutes'`.execute(app.db);
    return hasConsumingWorker(app.db);
  }, 'it is healthy, because it works, although it has not polled');
  open();
  await app.queue.stopWorking();
  const stopped = () => app.db.selectFrom('workers').where('stopped_at', 'is not', null).execute();
  await waitFor(async () => (await stopped()).length === 1, 'it has told that it stopped');
  t.same(await listLiveWorkers(app.db), []);
  for (const histogram of ['job_durations', 'job_latencies'] as const) {
    const counted = () => readDurations(app.db, histogram);
    await waitFor(async () => (await counted()).length === 1, 'it has told how long its job took');
    t.match(await counted(), [{ queue: 'plain', jobs: 1 }]);
  }
});

t.test('a worker whose queues are paused is healthy, and one that cannot poll is not', async (t) => {
  const app = await buildWithQueues(t);
  await pauseQueue(app.db, plain.name);
  await app.queue.work([defineJob(plain, async () => {})], { concurrency: 2 });
  await sql`update workers set fetched_at = now() - interval '2 minutes'`.execute(app.db);
  t.ok(await waitFor(() => hasConsumingWorker(app.db), 'it says that it would fetch'));
  await app.db.transaction().execute(async (trx) => {
    await sql`lock table pgboss.job in access exclusive mode`.execute(trx);
    await waitFor(async () => {
      const { rows } = await sql`select from workers where fetched_at < seen_at - interval '3 s'`.execute(
        app.db,
      );
      return rows.length === 1;
    }, 'it goes on reporting, but does not say that it polls');
  });
});

t.test('an attempt whose worker died stays in the history without an end', async (t) => {
  const app = await buildWithQueues(t);
  const jobId = '6f1c3e0a-8a0e-4a53-9a51-0a4c0d1d5d11';
  await recordAttempts(app.db, { queue: 'plain', worker: 'gone:1', attempts: [{ jobId, attempt: 1 }] });
  t.match(await attemptsOf(app, jobId), [{ worker: 'gone:1', outcome: null, ended_at: null }]);
});

t.test('a unique job can be handed back while its successor waits', async (t) => {
  const app = await buildWithQueues(t);
  const started = gate();
  const job = defineJob(single, async () => {
    started.open();
    await new Promise(() => {});
  });
  await app.queue.send(single, { n: 1 }, { db: app.db });
  await app.queue.work([job], { concurrency: 1 });
  await started.opened;
  t.type(await app.queue.send(single, { n: 1 }, { db: app.db }), 'string');

  await app.queue.stopWorking();

  t.match(await jobsOf(app, single), [{ retryCount: 0 }, { retryCount: 0 }]);
});

t.test('a repeated hand-back does not affect the next claim', async (t) => {
  const app = await buildWithQueues(t);
  const { opened, open } = gate();
  await app.queue.send(plain, { n: 1 }, { db: app.db });
  await app.queue.work([defineJob(plain, () => opened)], { concurrency: 1 });
  const [held] = await waitFor(async () => {
    const jobs = await jobsOf(app, plain, ['active']);
    return jobs.length === 1 && jobs;
  }, 'it runs');
  const claim = {
    queue: plain.name,
    jobId: held?.id ?? '',
    claimedAt: new Date(Date.now() - 60_000),
  };
  await handBack(app.db, [claim]);
  t.equal(
    (await jobsOf(app, plain, ['active'])).length,
    1,
    'the attempt has the same number but another claim',
  );
  open();
  await waitFor(async () => (await jobsOf(app, plain, ['completed'])).length === 1, 'it ends');
  const { rows } = await sql<{
    at: Date;
  }>`select started_on as at from pgboss.job where name = 'plain'`.execute(app.db);
  await handBack(app.db, [{ ...claim, claimedAt: rows[0]?.at ?? claim.claimedAt }]);
  t.equal((await jobsOf(app, plain, ['completed'])).length, 1, 'nor one that has ended');
});

t.test('a closing server that works queues takes no more jobs while a request is open', async (t) => {
  const app = await buildWithQueues(t);
  const { opened, open } = gate();
  const isAsked = gate();
  await app.listen({ port: 0, host: '127.0.0.1' });
  await app.queue.work([defineJob(plain, async () => {})], { concurrency: 1 });
  const { port } = app.server.address() as { port: number };
  app.server.on('request', (_request, response) => {
    response.on('close', open);
    isAsked.open();
  });
  // A request whose body has not ended keeps the server open.
  const socket = connect(port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  socket.write(
    'POST /api/v1/posts/ HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n',
  );
  await isAsked.opened;

  const database = await build(t, { DATABASE_URL: app.config.databaseUrl });
  const closing = app.close();
  await waitFor(async () => (await listLiveWorkers(database.db)).length === 0, 'the worker has stopped');
  await database.queue.send(plain, { n: 1 }, { db: database.db });
  t.equal(socket.destroyed, false);
  socket.destroy();
  await opened;
  await closing;
  t.equal((await jobsOf(database, plain)).length, 1, 'nobody took it');
});
