import { sql } from 'kysely';
import t from 'tap';
import { Type } from 'typebox';
import { defineQueue } from '../../src/queue/contract.ts';
import { queuesWithDueJobs } from '../../src/queue/due-queues.ts';
import { defineJob } from '../../src/queue/job.ts';
import { build } from '../support/build.ts';
import { createQueues, jobsOf } from '../support/jobs.ts';
import { waitFor } from '../support/wait-for.ts';

/** So many that PostgreSQL would rather read them all. */
const MANY = 20_000;

/** What the jobs of each queue are like, in columns of pg-boss. Those of the first two are due. */
const QUEUES = {
  created: { state: 'created' },
  retry: { state: 'retry' },
  later: { start_after: new Date(Date.now() + 3_600_000) },
  blocked: { blocked: true },
  running: { state: 'active', started_on: new Date() },
  done: { state: 'completed', completed_on: new Date() },
};

const contractOf = (name: string) =>
  defineQueue({
    name,
    payload: Type.Object({}),
    retry: { limit: 1, delaySeconds: 60, maxDelaySeconds: 60 },
    timeoutSeconds: 60,
  });

t.test('polling finds the queues with due jobs, however many there are, and reads few of them', async (t) => {
  const app = await build(t);
  const { db } = app;
  const contracts = Object.keys(QUEUES).map(contractOf);
  await createQueues(app, contracts);
  for (const [name, job] of Object.entries(QUEUES)) {
    await sql`
      insert into pgboss.job (name, ${sql.join(Object.keys(job).map((column) => sql.ref(column)))})
      select ${name}, ${sql.join(Object.values(job))} from generate_series(1, ${name === 'created' ? MANY : 100}::int)
    `.execute(db);
  }
  await sql`analyze pgboss.job`.execute(db);

  await db.transaction().execute(async (trx) => {
    const found = await queuesWithDueJobs(trx, [...Object.keys(QUEUES), 'unknown']);
    t.strictSame(found.sort(), ['created', 'retry']);
    const { rows } = await sql`
      select sum(seq_tup_read)::int as scanned, sum(idx_tup_fetch)::int < 1000 as "isFew"
      from pg_stat_xact_all_tables where schemaname = 'pgboss' and relname like 'job%'
    `.execute(trx);
    t.match(rows, [{ scanned: 0, isFew: true }]);
  });
});

t.test('a job that comes due runs within seconds, although nothing announces it', async (t) => {
  const app = await build(t);
  const contract = contractOf('later');
  await createQueues(app, [contract]);
  let startedAt = 0;
  const job = defineJob(contract, async () => {
    startedAt = Date.now();
  });
  await app.queue.work([job], { concurrency: 1 });
  const dueAt = Date.now() + 1_500;
  await app.queue.send(contract, {}, { db: app.db, startAfter: new Date(dueAt) });
  await waitFor(async () => (await jobsOf(app, contract, ['completed'])).length === 1, 'it has run');
  t.ok(startedAt >= dueAt - 50, 'not before');
});
