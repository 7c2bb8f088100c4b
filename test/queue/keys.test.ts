import { sql } from 'kysely';
import t from 'tap';
import { Type } from 'typebox';
import type { Db } from '../../src/database/schema.ts';
import {
  defineJob,
  defineQueue,
  type JobKey,
  PermanentFailure,
  type QueueContract,
  TryLater,
} from '../../src/queue/index.ts';
import { restoreCancelled } from '../../src/queue/jobs-table.ts';
import { orderedQueue } from '../support/blocking-worker.ts';
import { build } from '../support/build.ts';
import { createQueues, deadLettersOf, jobsOf, supervise } from '../support/jobs.ts';
import { waitForLock } from '../support/locks.ts';
import { start } from '../support/processes.ts';
import { waitFor } from '../support/wait-for.ts';

interface Numbered {
  key: string;
  n: number;
}

function keyed(rule: JobKey<Numbered>['rule'], retryAfter = 1) {
  const of = ({ key }: Numbered) => key;
  return defineQueue({
    name: rule,
    payload: Type.Object({ key: Type.String(), n: Type.Integer() }, { additionalProperties: false }),
    retry: { limit: 2, delaySeconds: retryAfter, maxDelaySeconds: retryAfter },
    timeoutSeconds: 60,
    prefetch: 3,
    key: rule === 'debounce' ? { of, rule, seconds: 600 } : { of, rule },
  });
}

const unique = keyed('unique-until-done');
const replacing = keyed('replace', 600);
const debounced = keyed('debounce');
const inOrder = keyed('in-order');
type Keyed = typeof unique;

const app = await build(t, { SHUTDOWN_GRACE_SECONDS: '1' });
await createQueues(app, [unique, replacing, debounced, inOrder, orderedQueue]);
const { db, queue, queueAdmin } = app;

const send = (contract: Keyed, n: number, on: Db = db) => queue.send(contract, { key: 'a', n }, { db: on });
const waiting = async (contract: Keyed) => (await jobsOf(app, contract)).map(({ data }) => data.n);
const count = async (contract: QueueContract, state: 'active' | 'completed' | 'cancelled' | 'failed') =>
  (await jobsOf(app, contract, [state])).length;
const untilDone = (contract: QueueContract, jobs: number) =>
  waitFor(async () => (await count(contract, 'completed')) === jobs, `${jobs} jobs are done`);

function gate() {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}

/** Sends in two transactions at once: the second sends before the first has committed. */
async function race(contract: Keyed, [first, second]: readonly [number, number]) {
  const [begun, sent] = [gate(), gate()];
  const late = db.transaction().execute(async (trx) => {
    await sql`select 1`.execute(trx);
    begun.open();
    await sent.opened;
    return send(contract, second, trx);
  });
  await begun.opened;
  const early = await db.transaction().execute(async (trx) => {
    const id = await send(contract, first, trx);
    sent.open();
    await waitFor(async () => {
      const { rows } = await sql`select from pg_locks where not granted`.execute(trx);
      return rows.length > 0;
    }, 'the other transaction waits');
    return id;
  });
  return [early, await late];
}

t.beforeEach(async () => {
  await queue.stopWorking();
  await sql`delete from pgboss.job`.execute(db);
});

t.test('a key that is unique until done is taken while its job waits, runs and is deferred', async (t) => {
  const [id, other] = await race(unique, [1, 2]);
  t.type(id, 'string');
  t.equal(other, undefined, 'sent at once');
  const { opened, open } = gate();
  let isEarly = true;
  const job = defineJob(unique, async () => {
    if (isEarly) throw new TryLater(600, 'too early');
    await opened;
  });
  await queue.work([job], { concurrency: 2 });
  await waitFor(async () => (await jobsOf(app, unique, ['retry'])).length === 1, 'it is put off');
  t.equal(await send(unique, 3), undefined);
  isEarly = false;
  await queueAdmin.act(db, 'run', { queues: [unique.name] });
  await waitFor(async () => (await count(unique, 'active')) === 1, 'it runs');
  await queue.sendAll(
    unique,
    [
      { key: 'a', n: 4 },
      { key: 'b', n: 1 },
    ],
    { db },
  );
  open();
  await untilDone(unique, 2);
  t.type(await send(unique, 5), 'string', 'then it is free');
});

t.test('a job whose unique key is taken can be neither restored nor redriven, and says so', async (t) => {
  await send(unique, 1);
  await queueAdmin.act(db, 'cancel', { queues: [unique.name] });
  await send(unique, 2);
  await queueAdmin.act(db, 'cancel', { queues: [unique.name] });
  for (const { id } of await jobsOf(app, unique, ['cancelled'])) {
    t.equal(await queueAdmin.act(db, 'restore', { queues: [unique.name], id }), 1, 'either');
    await queueAdmin.act(db, 'cancel', { queues: [unique.name] });
  }
  t.equal(await queueAdmin.act(db, 'restore', { queues: [unique.name] }), 1, 'one of the two');
  t.equal(await queueAdmin.act(db, 'restore', { queues: [unique.name] }), 0);
  const fail = defineJob(unique, async () => {
    throw new PermanentFailure('no');
  });
  await queue.work([fail], { concurrency: 1 });
  await waitFor(async () => (await deadLettersOf(app, unique)).length === 1, 'it fails');
  await queue.stopWorking();
  await send(unique, 3);
  t.equal(await queueAdmin.act(db, 'retry', { queues: [unique.name] }), 0);
  const { rows } = await sql<{ message: string }>`
    select output ->> 'message' as message from pgboss.job where name = 'unique-until-done.dead'
  `.execute(db);
  t.match(rows, [{ message: /already has a job with singletonKey a/ }]);
});

t.test('jobs that cannot be restored do not keep others from being restored', async (t) => {
  await send(unique, 1);
  await sql`
    insert into pgboss.job (name, data, policy, state, singleton_key, created_on)
    select name, data, policy, 'cancelled', case when number = 1001 then 'b' else singleton_key end,
      created_on + number * interval '1 second'
    from pgboss.job, generate_series(1, 1001) as number
  `.execute(db);
  t.equal(await queueAdmin.act(db, 'restore', { queues: [unique.name] }), 1);
});

t.test('only cancelled jobs are restored, whatever has happened to them in the meantime', async (t) => {
  const id = (await send(replacing, 1)) ?? '';
  for (const state of ['completed', 'failed', 'active', 'created']) {
    await sql`update pgboss.job set state = ${state}::text::pgboss.job_state`.execute(db);
    t.equal(await restoreCancelled(db, replacing.name, [id]), 0, state);
  }
  await sql`update pgboss.job set state = 'cancelled', started_on = now(), completed_on = now()`.execute(db);
  t.equal(await restoreCancelled(db, replacing.name, [id]), 1);
  const { rows } = await sql`select state, started_on, completed_on from pgboss.job`.execute(db);
  t.same(rows, [{ state: 'retry', started_on: null, completed_on: null }]);
});

t.test('with replace, the job that waits takes the newest payload and time', async (t) => {
  const [id, same] = await race(replacing, [1, 2]);
  t.equal(id, same);
  t.same(await waiting(replacing), [2]);
  await t.rejects(
    db.transaction().execute(async (trx) => {
      await send(replacing, 3, trx);
      throw new Error('rolled back');
    }),
  );
  t.same(await waiting(replacing), [2], 'unless its transaction is rolled back');
  const jobs = [
    ['b', 1],
    ['a', 4],
    ['b', 2],
  ] as const;
  await queue.sendAll(
    replacing,
    jobs.map(([key, n]) => ({ key, n })),
    { db },
  );
  t.same(await waiting(replacing), [4, 2]);
  const startAfter = new Date(Date.now() + 60 * 60_000);
  await queue.send(replacing, { key: 'a', n: 5 }, { db, startAfter });
  t.match(await queue.send(replacing, { key: 'a', n: 1 }, { db }), id);
  const { rows } = await sql`select start_after from pgboss.job where id = ${id}::uuid`.execute(db);
  t.same(rows, [{ start_after: startAfter }], 'without a time it keeps its own');
});

t.test('with replace, a job that is sent while one runs waits for it, and wins if it fails', async (t) => {
  const { opened, open } = gate();
  const runs: number[] = [];
  const job = defineJob(replacing, async (_app, { n }) => {
    runs.push(n);
    if (n === 1) await opened;
    if (n === 1) throw new Error('failed');
  });
  await send(debounced, 9);
  await send(replacing, 1);
  await queue.work([job], { concurrency: 2 });
  await waitFor(() => runs.length === 1, 'the first runs');
  await send(replacing, 2);
  await queue.send(replacing, { key: 'b', n: 3 }, { db });
  await untilDone(replacing, 1);
  t.same(runs, [1, 3], 'the second waits');
  open();
  await untilDone(replacing, 2);
  t.same(runs, [1, 3, 2]);
  t.match(await jobsOf(app, replacing, ['cancelled']), [
    { data: { n: 1 }, output: { message: 'a newer job with its key has replaced it' } },
  ]);
  await send(replacing, 4);
  await untilDone(replacing, 3); // What is done stays done.
  t.same(await waiting(debounced), [9], 'which has the same key in another queue');
});

t.test('with replace, a job that is handed back beside a newer one gives way to it', async (t) => {
  await send(replacing, 1);
  const stuck = defineJob(replacing, async () => {
    await new Promise(() => {});
  });
  await queue.work([stuck], { concurrency: 1 });
  await waitFor(async () => (await count(replacing, 'active')) === 1, 'it runs');
  await send(replacing, 2);
  await queue.stopWorking();
  t.same(await waiting(replacing), [1, 2]);
  const runs: number[] = [];
  const job = defineJob(replacing, async (_app, { n }) => {
    runs.push(n);
  });
  await queue.work([job], { concurrency: 2 });
  await waitFor(async () => (await waiting(replacing)).length === 0, 'none waits');
  await waitFor(async () => (await count(replacing, 'active')) === 0, 'none runs');
  t.equal(runs.at(-1), 2);
});

t.test('with debounce, each sending restarts the wait', async (t) => {
  const wait = async () => {
    const { rows } = await sql<{ seconds: number }>`
      select extract(epoch from start_after - now())::float as seconds from pgboss.job where name = 'debounce'
    `.execute(db);
    t.equal(rows.length, 1);
    return rows[0]?.seconds ?? 0;
  };
  await race(debounced, [1, 2]);
  t.ok((await wait()) > 590);
  await sql`update pgboss.job set start_after = start_after - interval '500 seconds'`.execute(db);
  t.ok((await wait()) < 110);
  await send(debounced, 3);
  t.ok((await wait()) > 590);
  t.same(await waiting(debounced), [3]);
});

t.test('transactions that send the same keys in different orders do not deadlock', async () => {
  // Keys share a few locks, which are taken in the order of their numbers.
  const { rows } = await sql<{ key: string }>`
    select key from unnest(array['a', 'b']) as key order by hashtext(key) & 63
  `.execute(db);
  for (const [contract, [first = '', second = '']] of [
    [replacing, ['a', 'b']],
    [inOrder, rows.map(({ key }) => key)],
  ] as const) {
    const { other } = await db.transaction().execute(async (trx) => {
      await queue.send(contract, { key: first, n: 1 }, { db: trx });
      const payloads = [second, first].map((key) => ({ key, n: 2 }));
      const other = db.transaction().execute((its) => queue.sendAll(contract, payloads, { db: its }));
      await waitForLock(db);
      await queue.send(contract, { key: second, n: 1 }, { db: trx });
      return { other };
    });
    await other;
  }
});

t.test('in order, a job starts when those before it have ended, across all workers', async (t) => {
  const other = await build(t, { DATABASE_URL: app.config.databaseUrl, SHUTDOWN_GRACE_SECONDS: '1' });
  const runs: Record<string, number[]> = { a: [], b: [] };
  const running = new Set<string>();
  const job = defineJob(inOrder, async (_app, { key, n }, { attempt }) => {
    t.notOk(running.has(key), 'the one before has ended');
    running.add(key);
    await sql`select pg_sleep(0.01)`.execute(db);
    runs[key]?.push(n);
    running.delete(key);
    if (key === 'a' && n === 2 && attempt === 1) throw new Error('once');
    if (key === 'a' && n === 3 && runs.a?.filter((run) => run === 3).length === 1)
      throw new TryLater(1, 'once');
  });
  const numbers = Array.from({ length: 8 }, (_, n) => n + 1);
  const payloads = numbers.flatMap((n) => [
    { key: 'a', n },
    { key: 'b', n },
  ]);
  await queue.sendAll(inOrder, payloads, { db });
  await queue.work([job], { concurrency: 3 });
  await other.queue.work([job], { concurrency: 3 });
  await untilDone(inOrder, 16);
  t.same(runs, { a: [1, 2, 2, 3, 3, 4, 5, 6, 7, 8], b: numbers });
});

t.test('in order means in the order of sending, whenever a transaction began', async (t) => {
  await race(inOrder, [1, 2]);
  const rolledBack = db.transaction().execute(async (trx) => {
    await send(inOrder, 99, trx);
    throw new Error('as intended');
  });
  await t.rejects(rolledBack, { message: 'as intended' });
  await db.transaction().execute(async (trx) => {
    await send(inOrder, 3, trx);
    const many = Array.from({ length: 20 }, (_, index) => ({ key: 'a', n: 4 + index }));
    await queue.sendAll(inOrder, many, { db: trx });
    await send(inOrder, 24, trx);
  });
  const runs: number[] = [];
  const job = defineJob(inOrder, async (_app, { n }) => {
    runs.push(n);
  });
  await queue.work([job], { concurrency: 3 });
  await untilDone(inOrder, 24);
  t.same(
    runs,
    Array.from({ length: 24 }, (_, index) => index + 1),
  );
});

t.test(
  'in order, a job that fails for good lets the next one run, and comes last when it is retried',
  async (t) => {
    const runs: number[] = [];
    const job = defineJob(inOrder, async (_app, { n }) => {
      runs.push(n);
      if (n === 1 && runs.length === 1) throw new PermanentFailure('no');
    });
    for (const n of [1, 2, 3]) await send(inOrder, n);
    await queue.work([job], { concurrency: 3 });
    await untilDone(inOrder, 2);
    t.match(await deadLettersOf(app, inOrder), [{ data: { n: 1 } }]);
    await queue.stopWorking();
    await send(inOrder, 4);
    t.equal(await queueAdmin.act(db, 'retry', { queues: [inOrder.name] }), 1);
    t.equal(await queueAdmin.act(db, 'retry', { queues: [inOrder.name] }), 0, 'only once');
    await queue.work([job], { concurrency: 3 });
    await untilDone(inOrder, 4);
    t.same(runs, [1, 2, 3, 4, 1]);
  },
);

t.test(
  'in order, a cancelled job lets the next one run, and takes its old place when it is restored',
  async (t) => {
    const { opened, open } = gate();
    const runs: number[] = [];
    const job = defineJob(inOrder, async (_app, { n }) => {
      runs.push(n);
      if (n === 1) await opened;
    });
    await send(inOrder, 1);
    const second = (await send(inOrder, 2)) ?? '';
    await send(inOrder, 3);
    await queueAdmin.act(db, 'cancel', { queues: [inOrder.name], id: second });
    await queue.work([job], { concurrency: 3 });
    await waitFor(() => runs.length === 1, 'the first runs');
    t.equal(await queueAdmin.act(db, 'restore', { queues: [inOrder.name] }), 1);
    open();
    await untilDone(inOrder, 3);
    t.same(runs, [1, 2, 3]);
  },
);

t.test('in order, a job whose worker is killed runs again before the next', async (t) => {
  const worker = start(t, ['test/support/blocking-worker.ts'], {
    DATABASE_URL: app.config.databaseUrl ?? '',
    LOG_LEVEL: 'warn',
  });
  await queue.sendAll(orderedQueue, [{ milliseconds: 600_000 }, { milliseconds: 1 }], { db });
  await worker.prints('blocked');
  await worker.end('SIGKILL');
  const runs: number[] = [];
  const job = defineJob(orderedQueue, async (_app, { milliseconds }) => {
    runs.push(milliseconds);
  });
  await queue.work([job], { concurrency: 2 });
  await supervise(t, app);
  await untilDone(orderedQueue, 2);
  t.same(runs, [600_000, 1]);
});
