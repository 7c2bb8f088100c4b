import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import t from 'tap';
import { Type } from 'typebox';
import { listOpenBreakers } from '../../src/queue/breaker.ts';
import { type Claim, ClaimLost } from '../../src/queue/claim.ts';
import { defineQueue } from '../../src/queue/contract.ts';
import { PermanentFailure, SlowDown, TryLater } from '../../src/queue/errors.ts';
import { Fetcher } from '../../src/queue/fetcher.ts';
import { defineJob } from '../../src/queue/job.ts';
import { PRESENCE_SECONDS } from '../../src/queue/presence.ts';
import { Settler } from '../../src/queue/settler.ts';
import { build } from '../support/build.ts';
import { consumerParts } from '../support/consumer.ts';
import { createDatabase } from '../support/database.ts';
import { attemptsOf, createQueues, deadLettersOf, jobsOf } from '../support/jobs.ts';
import { FaultyProxy } from '../support/proxy.ts';
import { waitFor } from '../support/wait-for.ts';

const payload = Type.Object({ outcome: Type.String() });
const retry = { limit: 2, delaySeconds: 60, maxDelaySeconds: 60 };
const results = defineQueue({ name: 'results', payload, retry, timeoutSeconds: 60 });

t.test('results are kept while the database is down, and written when it is back', async (t) => {
  const url = await createDatabase(t);
  const proxy = await FaultyProxy.open(t, url);
  const [database, app] = [
    await build(t, { DATABASE_URL: url }),
    await build(t, { DATABASE_URL: proxy.url }),
  ];
  await createQueues(database, [results]);
  for (const outcome of ['success', 'failure']) {
    await database.queue.send(results, { outcome }, { db: database.db });
  }

  const isDown = Promise.withResolvers<void>();
  let attempts = 0;
  const job = defineJob(results, async (_app, { outcome }) => {
    attempts += 1;
    await isDown.promise;
    if (outcome === 'failure') throw new Error('as intended');
  });
  await app.queue.work([job], { concurrency: 2 });
  await waitFor(() => attempts === 2, 'both run');

  await proxy.refuse();
  isDown.resolve();
  await sleep(2_000);
  t.equal((await jobsOf(database, results, ['active'])).length, 2, 'nothing could be written');
  await proxy.accept();
  await waitFor(async () => (await jobsOf(database, results, ['active'])).length === 0, 'both are settled');

  t.match(await jobsOf(database, results, ['completed', 'retry']), [
    { state: 'completed', retryCount: 0 },
    { state: 'retry', retryCount: 0, output: { message: 'as intended' } },
  ]);
  t.equal(attempts, 2, 'neither ran again');
});

t.test('the end of an attempt has its outcome, and whether it was the last', async (t) => {
  const ends = { ...results, name: 'ends', retry: { ...retry, limit: 1 }, timeoutSeconds: 1 };
  const app = await build(t);
  await createQueues(app, [ends]);
  const runs = new Map<string, string>();
  const job = defineJob(ends, async (_app, { outcome }, { id }) => {
    runs.set(id, outcome);
    if (outcome === 'failed') throw new Error('as intended');
    if (outcome === 'timed out') await new Promise(() => {});
    if (outcome === 'given up') throw new PermanentFailure('never');
    if (outcome === 'deferred') throw new TryLater(60, 'later');
  });
  const outcomes = ['completed', 'failed', 'timed out', 'given up', 'deferred'];
  const send = () =>
    app.queue.sendAll(
      ends,
      outcomes.map((outcome) => ({ outcome })),
      { db: app.db },
    );
  await send();
  await sql`update pgboss.job set retry_count = 1 where name = 'ends'`.execute(app.db);
  await send();
  const said: string[] = [];
  app.queue.events.on('ended', ({ jobId, attempt, outcome, isLast, durationMs, ageMs }) => {
    t.equal(outcome, runs.get(jobId));
    t.ok(durationMs >= (outcome === 'timed out' ? 900 : 0) && ageMs >= durationMs);
    said.push(`${outcome}, attempt ${attempt}${isLast ? ', the last' : ''}`);
  });
  await app.queue.work([job], { concurrency: 10 });
  await waitFor(() => said.length === 10, 'all have ended');
  t.same(said.sort(), [
    'completed, attempt 1',
    'completed, attempt 2',
    'deferred, attempt 1',
    'deferred, attempt 2',
    'failed, attempt 1',
    'failed, attempt 2, the last',
    'given up, attempt 1, the last',
    'given up, attempt 2, the last',
    'timed out, attempt 1',
    'timed out, attempt 2, the last',
  ]);
  t.equal((await deadLettersOf(app, ends)).length, 4, 'those that were the last');
});

t.test('a settler', async (t) => {
  const app = await build(t);
  const { db, queue } = app;
  await createQueues(app, [results]);
  const parts = await consumerParts(t, app);
  const settler = new Settler(results.name, parts);

  /** Enqueues and fetches a job, the only one. */
  async function claimOne() {
    await sql`delete from pgboss.job`.execute(db);
    const id = await queue.send(results, { outcome: 'any' }, { db });
    const [claim] = await new Fetcher(results, parts).fetch(1, 0);
    if (claim === undefined || claim.jobId !== id) throw new Error('another job was fetched');
    await claim.recorded;
    return claim;
  }

  async function stateOf(jobId: string) {
    const { rows } = await sql<{ state: string; message: string; seconds: number }>`
      select state, output ->> 'message' as message, extract(epoch from start_after - now())::float as seconds
      from pgboss.job where name = 'results' and id = ${jobId}::uuid
    `.execute(db);
    return rows[0] ?? { state: 'gone', message: '', seconds: 0 };
  }

  /** Takes longer than settling, however busy the machine is. */
  async function manyStatements() {
    for (let count = 0; count < 30; count += 1) await sql`select`.execute(db);
    return 'waits';
  }

  t.test('keeps a refused job from all workers until they know that its queue waits', async (t) => {
    const claim = await claimOne();
    await settler.fail({ claim, durationMs: 1 }, new SlowDown('full'));
    const { seconds, ...job } = await stateOf(claim.jobId);
    t.same(job, { state: 'retry', message: 'full' });
    t.ok(seconds > PRESENCE_SECONDS, `${seconds} s`);
    await sql`update pgboss.job set start_after = now()`.execute(db);
    const [again] = await new Fetcher(results, parts).fetch(1, 0);
    if (again !== undefined) await settler.fail({ claim: again, durationMs: 1 }, new SlowDown('full'));
    const attempts = await attemptsOf(app, again?.jobId);
    t.match(attempts, [{ outcome: 'deferred', error: 'full' }]);
    t.equal(attempts.length, 1, 'the same refusal is recorded once');
  });

  t.test('lets another job be tried if the one that was tried was cancelled, or taken', async (t) => {
    const claim = { ...(await claimOne()), isProbe: true };
    await db.deleteFrom('queue_breakers').execute();
    await sql`
      insert into queue_breakers (queue, reason, probe_at, probe_job)
      values ('results', 'full', now() + interval '1 hour', ${claim.jobId})
    `.execute(db);
    claim.controller.abort(new ClaimLost('cancelled'));
    await settler.fail({ claim, durationMs: 1 }, claim.controller.signal.reason);
    const [breaker] = await listOpenBreakers(db);
    t.equal(breaker?.isProbing, false, 'the queue still waits');
    t.ok((breaker?.probeAt.getTime() ?? Infinity) < Date.now() + 60_000);
    t.match(await stateOf(claim.jobId), { state: 'active' }, 'the job is no longer this worker’s');
  });

  t.test('stores whatever was thrown', async (t) => {
    const claim = await claimOne();
    await settler.fail({ claim, durationMs: 1 }, 'no Error');
    t.match(await stateOf(claim.jobId), { state: 'retry', message: 'no Error' });
    t.match(await attemptsOf(app, claim.jobId), [{ outcome: 'failed', error: 'no Error' }]);
  });

  t.test('records the end of an attempt after its start', async (t) => {
    const ways: readonly ((claim: Claim) => Promise<void>)[] = [
      (claim) => settler.handBack([claim]),
      (claim) => settler.fail({ claim, durationMs: 1 }, new Error('no')),
      (claim) => settler.fail({ claim, durationMs: 1 }, new SlowDown('full')),
    ];
    for (const settle of ways) {
      const { promise: recorded, resolve } = Promise.withResolvers<void>();
      const claim = await claimOne();
      const settled = settle({ ...claim, recorded });
      t.equal(await Promise.race([settled, manyStatements()]), 'waits');
      resolve();
      await settled;
      t.match(await stateOf(claim.jobId), { state: 'retry' });
    }
  });
});
