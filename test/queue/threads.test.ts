import { availableParallelism } from 'node:os';
import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import t from 'tap';
import { Type } from 'typebox';
import {
  defineJob,
  defineQueue,
  findJob,
  NoFreeThread,
  type QueueContract,
  Threads,
  TimedOut,
} from '../../src/queue/index.ts';
import { computingQueue } from '../support/blocking-worker.ts';
import { build } from '../support/build.ts';
import { attemptsOf, createQueues, jobsOf, supervise } from '../support/jobs.ts';
import { start } from '../support/processes.ts';
import { OBEY, type Order } from '../support/programs.ts';
import { waitFor } from '../support/wait-for.ts';

const THREADS = Math.max(2, availableParallelism());
const payload = Type.Object({ of: Type.String(), milliseconds: Type.Integer() });
const retry = { limit: 0, delaySeconds: 1, maxDelaySeconds: 1 };
const patient = defineQueue({ name: 'patient', payload, retry, timeoutSeconds: 60, runs: 'thread' });
const hasty = defineQueue({ name: 'hasty', payload, retry, timeoutSeconds: 1, runs: 'thread' });
const threadless = defineQueue({ name: 'threadless', payload, retry, timeoutSeconds: 60 });

const jobs = [patient, hasty, threadless].map((queue) =>
  defineJob(queue, async (_app, order, { compute, keep }) => {
    keep({ answer: await compute(OBEY, order as Order) });
  }),
);

const app = await build(t, { SHUTDOWN_GRACE_SECONDS: '1' });
await createQueues(app, [patient, hasty, threadless, computingQueue]);
/** A killed worker's jobs run again sooner. */
await sql`update pgboss.queue set heartbeat_seconds = 7 where name in ('patient', 'computing')`.execute(
  app.db,
);
await supervise(t, app);

const enqueue = async (queue: typeof patient, of: Order['of'], milliseconds = 0) =>
  (await app.queue.send(queue, { of, milliseconds }, { db: app.db })) ?? '';
const find = (queue: QueueContract, id: string) => findJob(app.db, queue.name, id);
const is = (queue: QueueContract, id: string, state: string) =>
  waitFor(async () => (await find(queue, id))?.state === state, `${queue.name} is ${state}`);

async function work(on: FastifyInstance = app) {
  await on.queue.work(jobs, { concurrency: 10 });
}

t.afterEach(() => app.queue.stopWorking());

t.test('a computation reports its progress and log, and returns its result', async (t) => {
  await work();
  const id = await enqueue(patient, 'tell');
  await is(patient, id, 'completed');
  t.match(await find(patient, id), {
    output: { answer: 'told' },
    report: {
      done: 2,
      total: 2,
      words: 'all',
      lines: [{ level: 'warn', text: 'one is odd {"n":1}' }],
    },
  });
});

t.test('a computation that blocks for longer than a heartbeat may be late runs once', async (t) => {
  await work();
  const id = await enqueue(patient, 'block', 9_000);
  await is(patient, id, 'active');
  const other = await build(t, { DATABASE_URL: app.config.databaseUrl });
  await work(other);
  const next = await enqueue(patient, 'tell');
  await is(patient, next, 'completed');
  t.equal((await find(patient, id))?.state, 'active', 'others run meanwhile');
  await is(patient, id, 'completed');
  t.match(await attemptsOf(app, id), [{ attempt: 1, outcome: null }]);
  t.equal((await attemptsOf(app, id)).length, 1);
});

t.test('a computation that does not stop when its job times out is terminated with its thread', async (t) => {
  await work();
  const many = await Promise.all(Array.from({ length: THREADS + 1 }, () => enqueue(hasty, 'block', 60_000)));
  await waitFor(
    async () => (await jobsOf(app, hasty, ['active'])).length === THREADS,
    'all threads are busy',
  );
  t.equal((await jobsOf(app, hasty)).length, 1, 'the other one waits in the queue');
  for (const id of many) await is(hasty, id, 'failed');
  for (const id of many)
    t.match(await attemptsOf(app, id), [{ outcome: 'timed out', error: 'timed out after 1 seconds' }]);
  await is(hasty, await enqueue(hasty, 'tell'), 'completed');
});

t.test('a computation whose job is cancelled is told to stop', async (t) => {
  await work();
  const id = await enqueue(patient, 'wait', 60_000);
  await is(patient, id, 'active');
  await app.queueAdmin.act(app.db, 'cancel', { queues: [patient.name], id });
  const told = async () => (await find(patient, id))?.report?.lines[0]?.text === 'told to stop';
  await waitFor(told, 'it says so');
  t.equal((await find(patient, id))?.state, 'cancelled');
});

t.test('a stopping worker ends its computations and hands their jobs back', async (t) => {
  await work();
  const id = await enqueue(patient, 'block', 60_000);
  await is(patient, id, 'active');
  await app.queue.stopWorking();
  t.match(await find(patient, id), { state: 'ready', attempts: 0 });
  t.match(await attemptsOf(app, id), [{ outcome: 'handed back' }]);
  await app.queueAdmin.act(app.db, 'cancel', { queues: [patient.name] });
});

t.test('a job whose worker is killed while it computes runs again', async (t) => {
  const worker = start(t, ['test/support/blocking-worker.ts'], {
    DATABASE_URL: app.config.databaseUrl ?? '',
    LOG_LEVEL: 'warn',
  });
  const id = (await app.queue.send(computingQueue, { milliseconds: 600_000 }, { db: app.db })) ?? '';
  await worker.prints('computes');
  await waitFor(async () => (await attemptsOf(app, id)).length === 1, 'the attempt is recorded');
  await worker.end('SIGKILL');
  await app.queue.work(
    [
      defineJob(computingQueue, async (_app, _payload, { compute }) => {
        await compute(OBEY, { of: 'tell' });
      }),
    ],
    { concurrency: 1 },
  );
  await is(computingQueue, id, 'completed');
  t.match(await attemptsOf(app, id), [{ attempt: 1 }, { attempt: 2 }]);
});

t.test('a job whose contract does not ask for threads cannot compute in one', async (t) => {
  await work();
  const id = await enqueue(threadless, 'tell');
  await is(threadless, id, 'failed');
  t.match(await find(threadless, id), { message: "compute: the queue's contract needs runs: 'thread'" });
});

t.test('threads have limits on time, on memory and on how many wait for them', async (t) => {
  const threads = new Threads(2, (error) => t.error(error));
  t.teardown(() => threads.close());
  const compute = threads.computeFor();
  const blocking = [1, 2, 3].map(() =>
    compute(OBEY, { of: 'block', milliseconds: 60_000 }, { timeoutMs: 100 }),
  );
  for (const { reason } of (await Promise.allSettled(blocking)) as PromiseRejectedResult[])
    t.match(reason, { name: TimedOut.name, message: 'timed out after 0.1 seconds' });
  const late = compute(OBEY, { of: 'wait', milliseconds: 60_000 }, { timeoutMs: 100 });
  await t.rejects(late, { name: TimedOut.name }, 'although it stops when it is told to');
  await t.rejects(compute(OBEY, { of: 'hoard' }), { code: 'ERR_WORKER_OUT_OF_MEMORY' });
  const outcomes = await Promise.allSettled(Array.from({ length: 110 }, () => compute(OBEY, { of: 'tell' })));
  t.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 102);
  t.ok(outcomes.every((outcome) => outcome.status === 'fulfilled' || outcome.reason instanceof NoFreeThread));
});
