import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import t from 'tap';
import { Type } from 'typebox';
import { defineQueue } from '../../src/queue/contract.ts';
import { PermanentFailure, SlowDown } from '../../src/queue/errors.ts';
import { defineJob } from '../../src/queue/job.ts';
import { mailQueue } from '../../src/queues.ts';
import { build } from '../support/build.ts';
import { consumerParts, startConsumer, UNRESTRAINED } from '../support/consumer.ts';
import { createDatabase } from '../support/database.ts';
import { attemptsOf, createQueues, deadLettersOf, drain, jobsOf } from '../support/jobs.ts';
import { waitForLock } from '../support/locks.ts';
import { captureLog } from '../support/log.ts';
import { FaultyProxy } from '../support/proxy.ts';
import { waitFor } from '../support/wait-for.ts';

const payload = { template: 'confirm-account', userId: 1 } as const;

t.test('a payload that does not fit its contract is refused on enqueueing', async (t) => {
  const app = await build(t);
  const wrong = { template: 'confirm-account', userId: 'one' };
  await t.rejects(app.queue.send(mailQueue, wrong as never, { db: app.db }), {
    name: 'TypeError',
    message: /^mail job: \/userId/,
  });
  t.same(await jobsOf(app, mailQueue), []);
});

t.test('a payload from a newer release waits for a newer worker, without losing an attempt', async (t) => {
  const app = await build(t);
  await app.queue.send(mailQueue, payload, { db: app.db });
  await sql`update pgboss.job set data = data || '{"colour": "red"}' where name = 'mail'`.execute(app.db);
  await drain(app);
  const [job] = await jobsOf(app, mailQueue);
  t.match(job, { state: 'retry', retryCount: 0 });
  await sql`update pgboss.job set start_after = now() where name = 'mail'`.execute(app.db);
  await drain(app);
  const attempts = await attemptsOf(app, job?.id);
  t.match(attempts, [{ outcome: 'handed back', error: /does not fit its contract/ }]);
  t.equal(attempts.length, 1, 'each offer replaces the record of the last');

  await sql`update pgboss.job set data = data - 'colour', start_after = now() where name = 'mail'`.execute(
    app.db,
  );
  await app.queue.work([defineJob(mailQueue, async () => {})], { concurrency: 1 });
  await waitFor(async () => (await jobsOf(app, mailQueue, ['completed'])).length === 1, 'it is done');
  t.match(await jobsOf(app, mailQueue, ['completed']), [{ retryCount: 0 }]);
});

t.test(
  'a payload that fits no worker for a day goes to the dead letter queue with the reason, without running',
  async (t) => {
    const app = await build(t);
    await app.queue.send(mailQueue, payload, { db: app.db });
    await sql`
      update pgboss.job set data = '{"to": "john@example.com"}', created_on = now() - interval '25 hours'
      where name = 'mail'
    `.execute(app.db);
    let runs = 0;
    await app.queue.work(
      [
        defineJob(mailQueue, async () => {
          runs += 1;
        }),
      ],
      { concurrency: 2 },
    );

    await waitFor(async () => (await deadLettersOf(app, mailQueue)).length === 1, 'it is a dead letter');

    t.equal(runs, 0);
    t.match(await jobsOf(app, mailQueue, ['failed']), [{ output: { message: /does not fit its contract/ } }]);
  },
);

t.test('a job that throws is retried later, and its error is stored', async (t) => {
  const app = await build(t);
  await app.queue.send(mailQueue, payload, { db: app.db });
  const attempts: number[] = [];
  const { promise: looked, resolve: haveLooked } = Promise.withResolvers<void>();
  const job = defineJob(mailQueue, async (_app, _payload, { attempt }) => {
    attempts.push(attempt);
    if (attempt === 1) throw new Error('the server\0 is away');
    await looked;
  });
  await app.queue.work([job], { concurrency: 2 });

  const failed = await waitFor(
    async () => (await jobsOf(app, mailQueue, ['retry', 'active'])).find(({ output }) => output !== null),
    'its error is stored',
  );
  t.match(failed, { output: { message: 'the server is away' } });

  haveLooked();
  await waitFor(async () => (await jobsOf(app, mailQueue, ['completed'])).length === 1, 'it succeeds');
  t.same(attempts, [1, 2]);
});

t.test('a permanent failure is not retried', async (t) => {
  const app = await build(t);
  await app.queue.send(mailQueue, payload, { db: app.db });
  let runs = 0;
  await app.queue.work(
    [
      defineJob(mailQueue, async () => {
        runs += 1;
        throw new PermanentFailure('there is no such person');
      }),
    ],
    { concurrency: 2 },
  );

  await waitFor(async () => (await deadLettersOf(app, mailQueue)).length === 1, 'it is a dead letter');
  t.equal(runs, 1);
});

t.test('a failing job does not affect those fetched with it', async (t) => {
  const app = await build(t);
  for (const userId of [1, 2, 3, 4, 5]) {
    await app.queue.send(mailQueue, { template: 'confirm-account', userId }, { db: app.db });
  }
  const job = defineJob(mailQueue, async (_app, payload) => {
    if ('userId' in payload && payload.userId === 3) throw new Error('poison');
  });
  await app.queue.work([job], { concurrency: 10 });

  await waitFor(
    async () => (await jobsOf(app, mailQueue, ['created', 'active'])).length === 0,
    'all have been tried',
  );
  t.equal((await jobsOf(app, mailQueue, ['completed'])).length, 4);
  t.match(
    await jobsOf(app, mailQueue, ['retry', 'active']),
    [{ data: { userId: 3 } }],
    'or is being retried',
  );
});

t.test('with a concurrency of one, jobs run one at a time without pauses', async (t) => {
  const app = await build(t);
  for (let userId = 1; userId <= 20; userId += 1) {
    await app.queue.send(mailQueue, { template: 'confirm-account', userId }, { db: app.db });
  }
  let running = 0;
  let most = 0;
  const job = defineJob(mailQueue, async () => {
    running += 1;
    most = Math.max(most, running);
    await sql`select 1`.execute(app.db);
    running -= 1;
  });
  await app.queue.work([job], { concurrency: 1 });
  await waitFor(
    async () => (await jobsOf(app, mailQueue, ['completed'])).length === 20,
    'at one a second, twenty jobs would take twenty seconds',
  );
  t.equal(most, 1);
});

t.test('closing the app waits for the running job', async (t) => {
  const app = await build(t);
  await app.queue.send(mailQueue, payload, { db: app.db });
  const { promise: finished, resolve: finish } = Promise.withResolvers<void>();
  const { promise: started, resolve: start } = Promise.withResolvers<void>();
  await app.queue.work(
    [
      defineJob(mailQueue, async ({ db }) => {
        start();
        await finished;
        await sql`select 1`.execute(db);
      }),
    ],
    { concurrency: 2 },
  );
  await started;

  const database = await build(t, { DATABASE_URL: app.config.databaseUrl });
  const closing = app.close();
  finish();
  await closing;
  t.equal(
    (await jobsOf(database, mailQueue, ['completed'])).length,
    1,
    'its database stayed open to the end',
  );
});

t.test('an outage is logged at its beginning and end, not at every poll', async (t) => {
  const log = captureLog();
  const proxy = await FaultyProxy.open(t, await createDatabase(t));
  const app = await build(t, { DATABASE_URL: proxy.url }, { logger: log.logger });
  await app.queue.work([defineJob(mailQueue, async () => {})], { concurrency: 1 });
  await proxy.refuse();
  const logged = (message: string) => log.lines().filter(({ msg }) => msg === message);
  await waitFor(() => logged('the database is unavailable').length > 0, 'the outage is noticed');
  await sleep(2_500);
  await proxy.accept();
  await waitFor(() => logged('the database is available again').length > 0, 'its end is noticed');
  t.ok(Number(logged('the database is available again')[0]?.failures) >= 2);
  const errors = log.lines().filter(({ level }) => Number(level) >= 50);
  t.same(
    errors.map(({ msg }) => msg),
    ['the database is unavailable'],
    'nor at every heartbeat',
  );
});

t.test('a consumer without its worker', async (t) => {
  const app = await build(t);
  const { db, queue } = app;
  const contract = defineQueue({
    name: 'prefetched',
    payload: Type.Object({ n: Type.Integer() }),
    retry: { limit: 2, delaySeconds: 60, maxDelaySeconds: 60 },
    timeoutSeconds: 60,
    prefetch: 5,
  });
  const inTotal = { ...contract, name: 'in-total', totalConcurrency: 1 };
  const perKey = { ...contract, name: 'per-key', perKey: { of: () => 'a', concurrency: 1 } };
  const inOrder = { ...contract, name: 'in-order', key: { of: () => 'a', rule: 'in-order' } } as const;
  await createQueues(app, [contract, inTotal, perKey, inOrder]);
  const send = (count: number) =>
    queue.sendAll(
      contract,
      Array.from({ length: count }, (_, n) => ({ n })),
      { db },
    );
  const count = async (state: 'completed' | 'created' | 'retry') =>
    (await jobsOf(app, contract, [state])).length;

  t.beforeEach(async () => void (await sql`delete from pgboss.job`.execute(db)));

  /** A job that runs until the test refuses it. */
  function refusable() {
    const { promise, reject } = Promise.withResolvers<never>();
    let runs = 0;
    const job = defineJob(contract, () => {
      runs += 1;
      return promise;
    });
    return { job, runs: () => runs, refuse: () => reject(new SlowDown('full')) };
  }

  t.test('hands unstarted jobs back at once when its queue waits for a service', async (t) => {
    const parts = await consumerParts(t, app);
    const { job, runs, refuse } = refusable();
    await send(3);
    const consumer = startConsumer(t, job, parts);
    await waitFor(() => consumer.held().length === 3, 'one runs, and two wait for its slot');
    consumer.restrain({ ...UNRESTRAINED, broken: ['another'], paused: ['another'] });
    t.match(consumer.held(), [{ isStarted: true }, { isStarted: false }, { isStarted: false }]);
    consumer.restrain({ ...UNRESTRAINED, broken: [contract.name] });
    t.equal(consumer.held().length, 1);
    refuse();
    await waitFor(async () => (await count('retry')) === 3, 'all are back');
    t.equal(runs(), 1);
  });

  t.test('hands unstarted jobs back at once when a service refuses one', async (t) => {
    const parts = await consumerParts(t, app);
    const { job, runs, refuse } = refusable();
    await send(3);
    const consumer = startConsumer(t, job, parts);
    const { promise: held, resolve } = Promise.withResolvers<number>();
    parts.events.on('ended', ({ outcome }) => {
      if (outcome === 'deferred') resolve(consumer.held().length);
    });
    await waitFor(() => consumer.held().length === 3, 'one runs, and two wait for its slot');
    refuse();
    t.equal(await held, 1, 'when that is written');
    await waitFor(async () => (await count('retry')) === 3, 'all are back');
    t.equal(runs(), 1);
  });

  t.test('starts no job that it fetches while a service refuses another', async (t) => {
    const parts = await consumerParts(t, app, { concurrency: 2 });
    const { job, runs, refuse } = refusable();
    await send(1);
    const consumer = startConsumer(t, job, parts);
    await waitFor(() => runs() === 1, 'one runs');
    await send(1);
    await db.transaction().execute(async (trx) => {
      await sql`lock table pgboss.job in access exclusive mode`.execute(trx);
      consumer.wake();
      await waitForLock(db);
      refuse();
      await sleep(0);
    });
    await waitFor(async () => (await count('retry')) === 2, 'both are back');
    t.equal(runs(), 1);
  });

  t.test('fetches at once when its queue is resumed', async (t) => {
    const parts = await consumerParts(t, app);
    const consumer = startConsumer(
      t,
      defineJob(contract, async () => {}),
      parts,
    );
    consumer.restrain({ ...UNRESTRAINED, paused: [contract.name] });
    await send(1);
    consumer.wake();
    await sleep(50);
    t.equal(await count('created'), 1, 'not while it is paused');
    consumer.restrain(UNRESTRAINED);
    await waitFor(async () => (await count('completed')) === 1, 'it is done');
  });

  t.test('stops at once if it has nothing to do', async (t) => {
    const parts = await consumerParts(t, app, { concurrency: 2 });
    await send(1);
    const consumer = startConsumer(
      t,
      defineJob(contract, async () => {}),
      parts,
    );
    await waitFor(async () => (await count('completed')) === 1, 'it has done its job');
    const stopped = consumer.stop(60_000).then(() => 'stopped');
    t.equal(await Promise.race([stopped, sleep(1_500, 'waits')]), 'stopped');
  });

  t.test('hands back, without running them, jobs that it fetches while it stops', async (t) => {
    const parts = await consumerParts(t, app);
    let runs = 0;
    const job = defineJob(contract, async () => {
      runs += 1;
    });
    await send(3);
    const stopped = await db.transaction().execute(async (trx) => {
      await sql`lock table pgboss.job in access exclusive mode`.execute(trx);
      const consumer = startConsumer(t, job, parts);
      await waitForLock(db);
      const promise = consumer.stop(60_000);
      t.equal(await Promise.race([promise, sleep(50, 'waits')]), 'waits');
      return { promise };
    });
    await stopped.promise;
    await waitFor(async () => (await count('retry')) === 3, 'all are back');
    t.equal(runs, 0);
  });

  t.test('lets a running job continue for a while when it stops', async (t) => {
    const parts = await consumerParts(t, app);
    const [started, ended] = [Promise.withResolvers<AbortSignal>(), Promise.withResolvers<void>()];
    const job = defineJob(contract, (_app, _payload, { signal }) => {
      started.resolve(signal);
      return ended.promise;
    });
    await send(1);
    const consumer = startConsumer(t, job, parts);
    const signal = await started.promise;
    const stopped = consumer.stop(60_000);
    await sleep(50);
    t.equal(signal.aborted, false);
    ended.resolve();
    await stopped;
    t.equal(await count('completed'), 1);
  });

  t.test('takes as many of its worker’s slots as become free', async (t) => {
    const parts = await consumerParts(t, app, { concurrency: 3 });
    const { promise, resolve } = Promise.withResolvers<void>();
    t.equal(await parts.slots.take(2, new AbortController().signal), 2, 'another queue has two of three');
    let running = 0;
    const job = defineJob(contract, () => {
      running += 1;
      return promise;
    });
    await send(3);
    startConsumer(t, job, parts);
    await waitFor(() => running === 1, 'it has the third');
    parts.slots.release(2);
    await waitFor(() => running === 3, 'and now all');
    resolve();
  });

  t.test('runs jobs one after another, without a pause, if their contract says so', async (t) => {
    const parts = await consumerParts(t, app, { concurrency: 2 });
    for (const oneByOne of [inTotal, perKey, inOrder]) {
      await queue.sendAll(oneByOne, [{ n: 1 }, { n: 2 }], { db });
      let running = 0;
      const job = defineJob(oneByOne, async () => {
        running += 1;
        t.equal(running, 1, oneByOne.name);
        await sleep(10);
        running -= 1;
      });
      startConsumer(t, job, parts);
      await waitFor(async () => (await jobsOf(app, oneByOne, ['completed'])).length === 2, 'both are done');
    }
  });
});
