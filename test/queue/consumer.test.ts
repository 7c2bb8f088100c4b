import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import t from 'tap';
import { PermanentFailure } from '../../src/queue/errors.ts';
import { defineJob } from '../../src/queue/job.ts';
import { mailQueue } from '../../src/queues.ts';
import { build } from '../support/build.ts';
import { createDatabase } from '../support/database.ts';
import { attemptsOf, deadLettersOf, drain, jobsOf } from '../support/jobs.ts';
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
  const job = defineJob(mailQueue, async (_app, _payload, { attempt }) => {
    attempts.push(attempt);
    if (attempt === 1) throw new Error('the server\0 is away');
  });
  await app.queue.work([job], { concurrency: 2 });

  const [waiting] = await waitFor(async () => {
    const jobs = await jobsOf(app, mailQueue, ['retry']);
    return jobs.length > 0 && jobs;
  }, 'it waits for its retry');
  t.match(waiting, { output: { message: 'the server is away' } });

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
  t.match(await jobsOf(app, mailQueue, ['retry']), [{ data: { userId: 3 } }]);
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
  t.match(errors, [{ msg: 'the database is unavailable' }], 'nor at every heartbeat');
});
