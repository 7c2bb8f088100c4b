import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import t from 'tap';
import { Type } from 'typebox';
import { listOpenBreakers, probeNow } from '../../src/queue/breaker.ts';
import type { Claim } from '../../src/queue/claim.ts';
import { defineQueue } from '../../src/queue/contract.ts';
import { PermanentFailure, SlowDown, TryLater } from '../../src/queue/errors.ts';
import { Fetcher, OverLimit } from '../../src/queue/fetcher.ts';
import { defineJob } from '../../src/queue/job.ts';
import { setLimit } from '../../src/queue/limits.ts';
import { mailQueue } from '../../src/queues.ts';
import { build } from '../support/build.ts';
import { consumerParts, UNRESTRAINED } from '../support/consumer.ts';
import { attemptsOf, createQueues, jobsOf } from '../support/jobs.ts';
import { waitFor } from '../support/wait-for.ts';

t.jobs = 3;

const queue = defineQueue({
  name: 'limited',
  payload: Type.Object(
    { n: Type.Integer(), to: Type.Optional(Type.String()) },
    { additionalProperties: false },
  ),
  retry: { limit: 2, delaySeconds: 1, maxDelaySeconds: 1 },
  timeoutSeconds: 60,
  prefetch: 5,
  limitedBy: 'recipient',
});
const BULK = -10;

/** Throws if it is not its recipient's turn. */
const keyed = defineJob(queue, async (_app, { to = '' }, { pass }) => {
  await pass(to);
});

async function buildTwo(t: Parameters<typeof build>[0]) {
  const app = await build(t, { SHUTDOWN_GRACE_SECONDS: '1' });
  await createQueues(app, [queue]);
  const other = await build(t, { DATABASE_URL: app.config.databaseUrl });
  return { app, other };
}

async function enqueue({ queue: jobs, db }: FastifyInstance, count: number, to?: string, priority = 0) {
  const payloads = Array.from({ length: count }, (_, n) => ({ n, ...(to !== undefined && { to }) }));
  await jobs.sendAll(queue, payloads, { db, priority });
}

const count = async (app: FastifyInstance, state: 'completed' | 'created' | 'retry') =>
  (await jobsOf(app, queue, [state])).length;

/** Waits until every worker has looked for jobs again. */
async function untilAllHavePolled({ db }: FastifyInstance) {
  const since = await sql<{ now: Date }>`select now() + interval '2 seconds' as now`.execute(db);
  const from = since.rows[0]?.now ?? new Date();
  const polled = async () => {
    const workers = await db.selectFrom('workers').select('fetched_at').execute();
    return workers.length > 0 && workers.every(({ fetched_at }) => fetched_at > from);
  };
  await waitFor(polled, 'all have polled');
}

t.test('a limit on a queue holds across all workers, and can be changed while they run', async (t) => {
  const { app, other } = await buildTwo(t);
  await setLimit(app.db, { queue: queue.name, key: '', rate: '20/hour' });
  await enqueue(app, 12);
  const job = defineJob(queue, async () => {});
  await app.queue.work([job], { concurrency: 5 });
  await other.queue.work([job], { concurrency: 5 });
  await waitFor(async () => (await count(app, 'completed')) === 2, 'a tenth of the limit may start at once');
  await untilAllHavePolled(app);
  t.equal(await count(app, 'completed'), 2);
  t.equal(await count(app, 'created'), 10, 'the others are untouched');

  await setLimit(app.db, { queue: queue.name, key: '', rate: undefined });
  await waitFor(async () => (await count(app, 'completed')) === 12, 'without the limit all run');
});

t.test('a limit in the contract holds without anybody setting it', async (t) => {
  const { app } = await buildTwo(t);
  await enqueue(app, 3);
  await app.queue.work([defineJob({ ...queue, rate: '1/day' }, async () => {})], { concurrency: 5 });
  await waitFor(async () => (await count(app, 'completed')) === 1, 'one runs');
  await untilAllHavePolled(app);
  t.equal(await count(app, 'created'), 2);
});

t.test('a limit on a key defers its jobs, each to its own time, and no others', async (t) => {
  const { app } = await buildTwo(t);
  const rate = '20/hour';
  await setLimit(app.db, { queue: queue.name, key: 'slow.example', rate });
  await setLimit(app.db, { queue: queue.name, key: '', rate: '1000/hour' });
  await enqueue(app, 5, 'slow.example', BULK);
  await enqueue(app, 5, 'quick.example');
  await app.queue.work([keyed], { concurrency: 5 });
  await waitFor(async () => (await count(app, 'retry')) === 3, 'three are over the limit');
  await waitFor(async () => (await count(app, 'completed')) === 7, 'the others are done');
  const used = () =>
    app.db.selectFrom('job_rates').select('full_at').where('key', '=', '').executeTakeFirst();
  const intervals = ((await used())?.full_at ?? 0) - Date.now() / 1000;
  t.ok(intervals < 8 * (3600 / 901), 'those that wait have given back what they took from the queue’s limit');

  await enqueue(app, 1, 'slow.example');
  await waitFor(async () => (await count(app, 'retry')) === 4, 'another one too');
  const { rows } = await sql<{ priority: number; minutes: number; reason: string }>`
    select priority, round(extract(epoch from start_after - now()) / 60)::int as minutes, output ->> 'message' as reason
    from pgboss.job where name = ${queue.name} and state = 'retry' order by minutes, priority desc
  `.execute(app.db);
  t.match(rows, [
    { priority: 0, minutes: 3, reason: 'over the limit of 20/hour for slow.example' },
    { priority: BULK, minutes: 3 },
    { priority: BULK, minutes: 6 },
    { priority: BULK, minutes: 9 },
  ]);

  // Three minutes later.
  const later = sql`3600 / 19.0`;
  await app.db
    .updateTable('job_rates')
    .set({ full_at: sql`full_at - ${later}` })
    .execute();
  await sql`update pgboss.job set start_after = now() where priority = 0 and state = 'retry'`.execute(app.db);
  await waitFor(async () => (await count(app, 'completed')) === 8, 'its time has come');
  t.ok((await jobsOf(app, queue, ['completed'])).every(({ retryCount }) => retryCount === 0));
});

t.test(
  'a limit on each key counts every key separately, except for those with their own limit',
  async (t) => {
    const { app } = await buildTwo(t);
    await setLimit(app.db, { queue: queue.name, key: '*', rate: '1/day' });
    await setLimit(app.db, { queue: queue.name, key: 'free.example', rate: '1000/second' });
    for (const to of ['a.example', 'b.example', 'free.example']) await enqueue(app, 3, to);
    await app.queue.work([keyed], { concurrency: 9 });
    await waitFor(async () => (await count(app, 'retry')) === 4, 'two of each wait');
    await waitFor(async () => (await count(app, 'completed')) === 5, 'and the others are done');
  },
);

t.test(
  'a service that asks for it makes the whole queue wait, and one job is tried after a while',
  async (t) => {
    const { app, other } = await buildTwo(t);
    let isFull = true;
    let runs = 0;
    const job = defineJob(queue, async () => {
      runs += 1;
      if (isFull) throw new SlowDown('452 quota exceeded', { seconds: 600 });
    });
    await enqueue(app, 8);
    await app.queue.work([job], { concurrency: 1 });
    await waitFor(async () => (await listOpenBreakers(app.db)).length === 1, 'it waits');
    await other.queue.work([job], { concurrency: 5 });
    await untilAllHavePolled(app);
    t.equal(runs, 1, 'no other job has run into it');
    const [breaker] = await listOpenBreakers(app.db);
    t.match(breaker, { queue: queue.name, reason: '452 quota exceeded', isProbing: false });
    const seconds = ((breaker?.probeAt.getTime() ?? 0) - Date.now()) / 1000;
    t.ok(seconds > 500 && seconds <= 600, 'as long as the service asks');
    const waiting = await jobsOf(app, queue, ['retry']);
    const attempts = (await Promise.all(waiting.map(({ id }) => attemptsOf(app, id)))).flat();
    t.match(
      attempts.filter(({ outcome }) => outcome !== 'handed back'),
      [{ outcome: 'deferred', error: '452 quota exceeded' }],
    );

    await probeNow(app.db, queue.name);
    await waitFor(() => runs === 2, 'one is tried');
    await untilAllHavePolled(app);
    t.equal(runs, 2, 'and refused, so the others wait on');

    isFull = false;
    await probeNow(app.db, queue.name);
    await waitFor(async () => (await listOpenBreakers(app.db)).length === 0, 'the next one is not refused');
    await waitFor(async () => (await count(app, 'completed')) === 8, 'so all run');
    t.ok((await jobsOf(app, queue, ['completed'])).every(({ retryCount }) => retryCount === 0));
  },
);

t.test('another job is tried at once if the service refuses one whose worker stops', async (t) => {
  const { app } = await buildTwo(t);
  await enqueue(app, 1);
  await sql`insert into queue_breakers (queue, reason, probe_at) values (${queue.name}, 'full', now())`.execute(
    app.db,
  );
  let isStarted = false;
  const job = defineJob(queue, async (_app, _payload, { signal }) => {
    isStarted = true;
    await once(signal, 'abort');
    throw new SlowDown('452 quota exceeded');
  });
  await app.queue.work([job], { concurrency: 1 });
  await waitFor(() => isStarted, 'it is tried');
  const [breaker] = await listOpenBreakers(app.db);
  const seconds = ((breaker?.probeAt.getTime() ?? 0) - Date.now()) / 1000;
  t.ok(seconds > queue.timeoutSeconds, 'no other one while it may run');
  await app.queue.stopWorking();
  t.match(await listOpenBreakers(app.db), [{ reason: 'full', isProbing: false }]);
});

t.test('a queue continues if the worker that tried its job was killed', async (t) => {
  const { app } = await buildTwo(t);
  await enqueue(app, 2);
  await sql`
    insert into queue_breakers (queue, reason, probe_at, probe_job)
    values (${queue.name}, 'full', now(), gen_random_uuid())
  `.execute(app.db);
  await app.queue.work([defineJob(queue, async () => {})], { concurrency: 2 });
  await waitFor(async () => (await count(app, 'completed')) === 2, 'another job was tried');
  t.same(await listOpenBreakers(app.db), []);
});

t.test(
  'a job that is tried while its queue waits need not succeed, but must reach the service',
  async (t) => {
    const { app } = await buildTwo(t);
    const patient = { ...queue, timeoutSeconds: 600 }; // Longer than this test waits.
    await enqueue(app, 3);
    await sql`insert into queue_breakers (queue, reason, probe_at) values (${queue.name}, 'full', now())`.execute(
      app.db,
    );
    let runs = 0;
    const job = defineJob(patient, async () => {
      runs += 1;
      if (runs === 1) throw new TryLater(600, 'not yet');
      if (runs !== 2) return;
      t.match(await listOpenBreakers(app.db), [{ isProbing: true }], 'one that was put off proves nothing');
      throw new PermanentFailure('no such person');
    });
    await app.queue.work([job], { concurrency: 1 });
    await waitFor(() => runs === 2, 'another is tried instead of one that was put off');
    await waitFor(async () => (await listOpenBreakers(app.db)).length === 0, 'it was not refused');
    await waitFor(async () => (await count(app, 'completed')) === 1, 'so the third runs');
    t.equal(await count(app, 'retry'), 1);
  },
);

t.test('concurrency across all workers, in total and per key, is never exceeded', async (t) => {
  const { app, other } = await buildTwo(t);
  const counted = {
    ...queue,
    totalConcurrency: 3,
    perKey: { of: ({ to = '' }: { to?: string }) => to, concurrency: 1 },
  };
  const running: string[] = [];
  let [most, mostOfOne] = [0, 0];
  const job = defineJob(counted, async ({ db }, { to = '' }) => {
    running.push(to);
    most = Math.max(most, running.length);
    mostOfOne = Math.max(mostOfOne, running.filter((key) => key === to).length);
    await sql`select pg_sleep(0.02)`.execute(db);
    running.splice(running.indexOf(to), 1);
  });
  const payloads = ['a', 'b', 'c', 'd'].flatMap((to) => Array.from({ length: 5 }, (_, n) => ({ n, to })));
  await app.queue.sendAll(counted, payloads, { db: app.db });
  const others = Array.from({ length: 3 }, () => ({ template: 'confirm-account', userId: 1 }) as const);
  await app.queue.sendAll(mailQueue, others, { db: app.db });
  await sql`update pgboss.job set state = 'active' where name = 'mail'`.execute(app.db); // Of another queue.
  await app.queue.work([job], { concurrency: 5 });
  await other.queue.work([job], { concurrency: 5 });
  await waitFor(async () => (await count(app, 'completed')) === 20, 'all run');
  t.ok(most <= 3, `${most} ran at once`);
  t.equal(mostOfOne, 1);
});

t.test('a fetcher', async (t) => {
  const app = await build(t);
  await createQueues(app, [queue]);
  const parts = await consumerParts(t, app);
  const fetcher = new Fetcher(queue, parts);

  t.test('waits after a refusal, whatever older restraints and fetches say', async (t) => {
    fetcher.break();
    fetcher.restrain(UNRESTRAINED);
    t.match(fetcher, { isBroken: true, waitMs: Infinity });
    await fetcher.fetch(1, 0);
    t.match(fetcher, { isBroken: true, waitMs: Infinity }, 'the refusal is not in the database yet');
    fetcher.broken();
    t.match(fetcher, { isBroken: true, waitMs: 0 });
    await fetcher.fetch(1, 0);
    t.match(fetcher, { isBroken: false, waitMs: 0 }, 'it is not there any more');
  });

  t.test(
    'counts a job by its key, if it has one, and only for that key as one that has waited',
    async (t) => {
      const limits = ['', '*'].map((key) => ({ queue: queue.name, key, rate: '20/hour' }));
      limits.push({ queue: 'mail', key: 'b', rate: '1/day' });
      fetcher.restrain({ ...UNRESTRAINED, limits });
      const pass = (key: string, waitedFor?: string) =>
        fetcher.pass({ priority: 0, waitedFor } as Claim, key).then(
          () => 'runs',
          (error) => (error instanceof OverLimit ? 'waits' : error),
        );
      for (let runs = 0; runs < 3; runs += 1) t.equal(await pass(''), 'runs');
      t.same([await pass('a'), await pass('a'), await pass('a')], ['runs', 'runs', 'waits']);
      await app.db.updateTable('job_rates').set({ full_at: 0 }).execute();
      t.equal(await pass('a'), 'waits', 'behind the third');
      t.equal(await pass('a', 'b'), 'waits');
      t.equal(await pass('a', 'a'), 'runs');
      t.same([await pass('b'), await pass('b')], ['runs', 'runs'], 'the limit is another queue’s');
      t.equal(await pass(randomBytes(10_000).toString('base64')), 'runs', 'its key is truncated');
    },
  );

  t.test('fetches no more jobs than may run in total', async (t) => {
    const counted = new Fetcher({ ...queue, totalConcurrency: 2 }, parts);
    await enqueue(app, 3);
    const fetched: number[] = [];
    for (const slots of [1, 5, 5]) fetched.push((await counted.fetch(slots, 5)).length);
    t.same(fetched, [1, 1, 0]);
  });
});
