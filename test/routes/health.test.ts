import { sql } from 'kysely';
import t from 'tap';
import { mailQueue } from '../../src/queues.ts';
import { build } from '../support/build.ts';

t.test('with its database and schema, a process is live and ready', async (t) => {
  const app = await build(t);
  t.equal((await app.inject('/health/live')).statusCode, 200);
  t.equal((await app.inject('/health/ready')).statusCode, 200);
  t.equal((await app.inject('/health/serving')).statusCode, 200);
});

t.test('operators see details, others do not', async (t) => {
  const app = await build(t);
  const alone = await app.inject('/health');
  t.equal(alone.statusCode, 200);
  t.match(alone.json(), { status: 'degraded', hasWorker: false, missing: null, mailOutageSince: null });
  t.equal((await app.inject({ url: '/health', remoteAddress: '192.0.2.7' })).statusCode, 403);
});

t.test('while no mail is delivered, a process is ready and its health degraded', async (t) => {
  const app = await build(t);
  await app.queue.send(mailQueue, { template: 'confirm-account', userId: 1 }, { db: app.db });
  await sql`update pgboss.job set created_on = now() - interval '1 hour', start_after = now() - interval '1 hour'`.execute(
    app.db,
  );
  const since = await app.mailOutage.refresh();
  t.type(since, Date);
  t.equal((await app.inject('/health/ready')).statusCode, 200);
  const details = await app.inject('/health');
  t.equal(details.statusCode, 200);
  t.match(details.json(), { status: 'degraded', mailOutageSince: since?.toISOString() });
});

t.test('an old schema is reported with the missing migrations', async (t) => {
  const app = await build(t);
  await sql`delete from kysely_migration where name like '0005%'`.execute(app.db);
  const response = await app.inject('/health/ready');
  t.equal(response.statusCode, 503);
  t.match(response.json().missing, '0005_exports');
});

t.test('without its database, a process is live but not ready', async (t) => {
  const app = await build(t);
  const { databaseUrl = '' } = app.config;
  const name = new URL(databaseUrl).pathname.slice(1);
  const elsewhere = await build(t);
  await sql`alter database ${sql.id(name)} allow_connections false`.execute(elsewhere.db);
  await sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = ${name}`.execute(
    elsewhere.db,
  );
  t.equal((await app.inject('/health/live')).statusCode, 200);
  const response = await app.inject('/health/ready');
  t.equal(response.statusCode, 503);
  t.match(response.json().missing, 'database');
  t.notMatch(response.body, name, 'nothing of the inside');
});
