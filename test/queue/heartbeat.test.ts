import { sql } from 'kysely';
import t, { type Test } from 'tap';
import { Heartbeat } from '../../src/queue/heartbeat.ts';
import { defineJob } from '../../src/queue/job.ts';
import { enterWorker, listLiveWorkers } from '../../src/queue/presence.ts';
import { blockingQueue } from '../support/blocking-worker.ts';
import { build } from '../support/build.ts';
import { attemptsOf, createQueues, jobsOf, supervise } from '../support/jobs.ts';
import { captureLog } from '../support/log.ts';
import { start } from '../support/processes.ts';
import { waitFor } from '../support/wait-for.ts';

t.jobs = 2;

/** A process that is blocked by a job, and a second worker that takes any job whose worker seems dead. */
async function blockWorker(
  t: Test,
  milliseconds: number,
  { heartbeatSeconds, timeoutSeconds }: { heartbeatSeconds: number; timeoutSeconds: number },
) {
  const app = await build(t, { SHUTDOWN_GRACE_SECONDS: '1' });
  await createQueues(app, [blockingQueue]);
  await sql`
    update pgboss.queue set heartbeat_seconds = ${heartbeatSeconds}, expire_seconds = ${timeoutSeconds}
    where name = ${blockingQueue.name}
  `.execute(app.db);
  const worker = start(t, ['test/support/blocking-worker.ts'], {
    DATABASE_URL: app.config.databaseUrl ?? '',
    LOG_LEVEL: 'warn',
  });
  await waitFor(async () => {
    const [reported] = await listLiveWorkers(app.db);
    return reported !== undefined && reported.seenAt > reported.startedAt;
  }, 'its heart beats');
  const id = await app.queue.send(blockingQueue, { milliseconds }, { db: app.db });
  await worker.prints('blocked');
  let runs = 0;
  const job = defineJob(blockingQueue, async () => {
    runs += 1;
  });
  await app.queue.work([job], { concurrency: 1 });
  await supervise(t, app);
  const completed = async () => (await jobsOf(app, blockingQueue, ['completed'])).length === 1;
  return { app, id, worker, completed, runs: () => runs };
}

t.test('a job that blocks its worker for longer than a heartbeat may be late runs once', async (t) => {
  const { app, id, worker, completed, runs } = await blockWorker(t, 10_000, {
    heartbeatSeconds: 7,
    timeoutSeconds: 60,
  });
  const isTakenForDead = async () => {
    const alive = await listLiveWorkers(app.db);
    return !alive.some(({ name }) => name.endsWith(`:${worker.child.pid}`));
  };
  let deaths = 0;
  await waitFor(async () => {
    if (await isTakenForDead()) deaths += 1;
    return completed();
  }, 'it ends');
  t.equal(runs(), 0, 'no other worker has taken it');
  t.match(await attemptsOf(app, id), [{ attempt: 1 }]);
  t.equal((await attemptsOf(app, id)).length, 1);
  t.equal(deaths, 0, 'the blocked worker was not taken for dead');
});

t.test('a job whose worker hangs forever runs elsewhere after its timeout', async (t) => {
  const { worker, completed, runs } = await blockWorker(t, 600_000, {
    heartbeatSeconds: 10,
    timeoutSeconds: 3,
  });
  await waitFor(completed, 'the other worker has run it');
  t.equal(runs(), 1);
  t.equal(worker.child.exitCode, null);
  t.equal(await worker.end('SIGKILL'), 'SIGKILL');
});

t.test(
  'a heartbeat thread that fails is replaced, and the next one sees if its worker is stuck',
  async (t) => {
    const { logger, lines } = captureLog();
    const app = await build(t, {}, { logger });
    const workerId = await enterWorker(app.db, {
      name: 'host:1',
      queues: ['mail'],
      concurrency: 1,
      version: '1.0.0',
    });
    const reports = [undefined as never];
    const idle = { held: [], hasPolled: true, loopDelayMs: 0 };
    let beats = 0;
    const { outages, config } = app;
    const logFailure = outages.logFailure.bind(outages);
    const parts = { app, connection: config.databaseUrl ?? '', logFailure };
    const heartbeat = new Heartbeat(parts, {
      workerId,
      session: [],
      report: () => (reports.length > 0 ? (reports.pop() as never) : idle),
      onBeat: () => {
        beats += 1;
      },
    });
    t.teardown(() => heartbeat.stop());
    await waitFor(() => beats > 0, 'the next one sends heartbeats');
    t.equal(lines().filter(({ msg }) => msg === 'the heartbeat thread failed').length, 1);
    await waitFor(() => beats > 2, 'the worker has not reported for a while');
    const worker = await app.db.selectFrom('workers').selectAll().executeTakeFirstOrThrow();
    const silentMs = worker.seen_at.getTime() - worker.fetched_at.getTime();
    t.ok(silentMs > 2_500, `it has polled only once, ${silentMs} ms ago`);
    t.ok(Number(worker.loop_delay_ms) > 1_000);
  },
);
