import { sql } from 'kysely';
import t from 'tap';
import { Type } from 'typebox';
import { defineQueue } from '../../src/queue/contract.ts';
import { defineJob } from '../../src/queue/job.ts';
import { build } from '../support/build.ts';
import { createQueues } from '../support/jobs.ts';
import { waitFor } from '../support/wait-for.ts';

const payload = Type.Object({}, { additionalProperties: false });
const retry = { limit: 3, delaySeconds: 1, maxDelaySeconds: 60 };
const scheduled = (cron: string) =>
  defineQueue({ name: 'ticks', payload, retry, timeoutSeconds: 60, schedule: { cron, payload: {} } });
const unscheduled = defineQueue({
  name: 'ticks',
  payload,
  retry: { ...retry, limit: 7 },
  timeoutSeconds: 90,
});

const settingsOf = async (app: Awaited<ReturnType<typeof build>>) => {
  const { rows } = await sql`
    select retry_limit, retry_backoff, expire_seconds, dead_letter, heartbeat_seconds from pgboss.queue where name = 'ticks'
  `.execute(app.db);
  return rows;
};
const schedulesOf = async (app: Awaited<ReturnType<typeof build>>) => {
  const { rows } = await sql`select cron from pgboss.schedule where name = 'ticks'`.execute(app.db);
  return rows;
};

t.test('queues and schedules follow their contracts, and those without one are removed', async (t) => {
  const app = await build(t);
  await createQueues(app, [scheduled('0 1 * * *')]);
  t.match(await settingsOf(app), [
    {
      retry_limit: 3,
      retry_backoff: true,
      expire_seconds: 120,
      dead_letter: 'ticks.dead',
      heartbeat_seconds: 10,
    },
  ]);
  t.same(await schedulesOf(app), [{ cron: '0 1 * * *' }]);

  await createQueues(app, [scheduled('0 2 * * *')]);
  t.same(await schedulesOf(app), [{ cron: '0 2 * * *' }]);

  await createQueues(app, [unscheduled]);
  t.match(await settingsOf(app), [{ retry_limit: 7, expire_seconds: 150 }]);
  t.same(await schedulesOf(app), []);
});

t.test('a schedule that came due without a worker runs once, however many workers start', async (t) => {
  const app = await build(t);
  const farFromNow = (new Date().getUTCMinutes() + 30) % 60;
  const contract = scheduled(`${farFromNow} * * * *`);
  await createQueues(app, [contract]);
  // The schedules were last checked five hours ago.
  await sql`update pgboss.version set cron_on = now() - interval '5 hours'`.execute(app.db);
  await sql`update pgboss.schedule set created_on = now() - interval '1 day', updated_on = now() - interval '1 day'`.execute(
    app.db,
  );

  let runs = 0;
  const job = defineJob(contract, async () => {
    runs += 1;
  });
  const env = { DATABASE_URL: app.config.databaseUrl };
  for (let n = 0; n < 3; n += 1) {
    const worker = await build(t, env, { role: 'worker' });
    await worker.queue.work([job], { concurrency: 2 });
  }
  await waitFor(() => runs > 0, 'it runs');
  await waitFor(async () => {
    const { rows } = await sql`select from pgboss.job where name = 'ticks' and state <> 'completed'`.execute(
      app.db,
    );
    return rows.length === 0;
  }, 'nothing is left');
  t.equal(runs, 1);
});
