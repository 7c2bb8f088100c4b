import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { Type } from 'typebox';
import { defineQueue } from '../../src/queue/contract.ts';
import { defineJob } from '../../src/queue/job.ts';
import { build } from '../support/build.ts';
import { createDatabase } from '../support/database.ts';
import { createQueues, jobsOf } from '../support/jobs.ts';
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
