import { sql } from 'kysely';
import t from 'tap';
import { defineJob } from '../../src/queue/index.ts';
import { mailQueue } from '../../src/queues.ts';
import { build } from '../support/build.ts';
import { jobsOf } from '../support/jobs.ts';
import { waitFor } from '../support/wait-for.ts';

t.test('an old release starts and works on a newer schema', async (t) => {
  const newer = await build(t);
  await sql`update pgboss.version set version = version + 1`.execute(newer.db);
  await sql`insert into kysely_migration values ('9999_from_the_future', now()::text)`.execute(newer.db);

  const old = await build(t, { DATABASE_URL: newer.config.databaseUrl });
  await old.queue.send(mailQueue, { template: 'confirm-account', userId: 1 }, { db: old.db });
  await old.queue.work([defineJob(mailQueue, async () => {})], { concurrency: 1 });
  await waitFor(async () => (await jobsOf(old, mailQueue, ['completed'])).length === 1, 'it works');
  t.equal((await old.inject('/health/ready')).statusCode, 200);
});

t.test('a release does not start on an old schema of the queue', async (t) => {
  const app = await build(t);
  await sql`update pgboss.version set version = version - 1`.execute(app.db);
  const message = /^The queue's schema is out of date \(version \d+ instead of \d+\)\. Run: npm run migrate$/;
  await t.rejects(build(t, { DATABASE_URL: app.config.databaseUrl }), { message, exitCode: 2 });
});
