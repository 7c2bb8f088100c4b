import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import pg from 'pg';
import t from 'tap';
import { withLongStatements } from '../../src/database/long-statements.ts';
import { connectionName } from '../../src/database/migrator.ts';
import { OutOfTime } from '../../src/database/unavailable.ts';
import { jobs } from '../../src/jobs/index.ts';
import { build, testConfig } from '../support/build.ts';
import { createDatabase } from '../support/database.ts';
import { captureLog } from '../support/log.ts';
import { FaultyProxy } from '../support/proxy.ts';
import { waitFor } from '../support/wait-for.ts';

t.test('a slow query is logged with its SQL, duration and cause, but without parameters', async (t) => {
  const { logger, lines } = captureLog();
  const app = await build(t, { SLOW_QUERY_MS: '50' }, { logger });
  await sql`alter table users rename to real_users`.execute(app.db);
  await sql`create view users as select *, pg_sleep(0.1)::text from real_users`.execute(app.db);
  await sql`insert into real_users (email, username, password_hash, role, confirmed_at) values ('a@b.example', 'secretname', '', 'User', now())`.execute(
    app.db,
  );

  await app.inject('/user/secretname');

  // On a slow machine, this test's own statements are slow queries too.
  const slow = lines().filter(({ msg, work }) => msg === 'slow query' && work !== undefined);
  t.match(slow, [{ level: 40, sql: /^select .* from "users"/, work: 'GET /user/:username' }]);
  t.ok(Number(slow[0]?.durationMs) >= 100);
  t.notMatch(JSON.stringify(slow), 'secretname');
});

/** The connections of each role besides its pool's. Those for health checks and the queue have the pool's name. */
const SEPARATE = {
  web: ['web', 'web', 'web listener'],
  worker: ['worker listener', 'worker', 'heartbeat'],
  'web-and-worker': ['web-and-worker', 'web-and-worker', 'web-and-worker listener', 'heartbeat'],
};

for (const [role, separate] of Object.entries(SEPARATE) as [keyof typeof SEPARATE, string[]][]) {
  t.test(`a process with the role ${role} opens as many connections as it may`, async (t) => {
    const app = await build(t, { DATABASE_POOL_MAX: '7' }, { role });
    const observer = new pg.Client({ connectionString: app.config.databaseUrl });
    await observer.connect();
    t.teardown(() => observer.end());
    const listening = await app.channels.listen('test', { onMessage() {}, onGap() {} });
    t.teardown(() => listening.close());
    if (role !== 'web') await app.queue.work(jobs, { concurrency: 10 });
    const connections = async () => {
      const busy = Array.from({ length: 20 }, () => sql`select pg_sleep(0.05)`.execute(app.db));
      await Promise.all([...busy, sql`select`.execute(app.reserved)]);
      const { rows } = await observer.query<{ name: string }>(
        "select application_name as name from pg_stat_activity where datname = current_database() and application_name <> ''",
      );
      return rows.map(({ name }) => name.replace(/ \d{4}$/, '')).toSorted();
    };
    const ofPool = Array(7 - separate.length).fill(role);
    const all = [...ofPool, ...separate].map((name) => `pennypost ${name}`).toSorted();
    await waitFor(async () => (await connections()).length >= 7, 'all are open');
    t.same(await connections(), all);
    app.outages.report(new OutOfTime());
    await sleep(1_200); // Then it looks whether the outage is over.
    t.same(await connections(), all);
  });
}

t.test(
  'behind a pooler, whatever needs a session bypasses it, and nothing else changes a session',
  async (t) => {
    const direct = await createDatabase(t);
    const pooler = await FaultyProxy.open(t, direct);
    const env = { DATABASE_URL: pooler.url, DATABASE_DIRECT_URL: direct, DATABASE_POOL_MAX: '6' };
    const app = await build(t, env, { role: 'worker' });
    await app.queue.work(jobs, { concurrency: 2 });
    for (let run = 0; run < 20; run += 1) await sql`select ${run}::int`.execute(app.db);
    const { rows } = await sql`
    select name from pg_settings where source in ('client', 'session') and name ~ 'timeout|commit'
    union all select statement from pg_prepared_statements
  `.execute(app.db);
    t.same(rows, []);

    const observer = await build(t, { DATABASE_URL: direct });
    await pooler.refuse();
    await waitFor(async () => {
      const { rows } = await sql<{ name: string }>`
      select application_name as name from pg_stat_activity
      where datname = current_database() and application_name !~ '^pennypost web' order by name
    `.execute(observer.db);
      const direct = ['pennypost heartbeat', connectionName('worker'), 'pennypost worker listener'];
      return direct.join() === rows.map(({ name }) => name).join();
    }, 'only the connections for LISTEN, heartbeats and the queue are direct');
  },
);

t.test('a slow statement is cancelled, unless it is slow by design', async (t) => {
  const deadlines = { ...testConfig({}).deadlines, statementMs: 100, answerMs: 60_000 };
  const app = await build(t, {}, { config: { deadlines } });
  const long = sql`select pg_sleep(0.3)`;
  await t.rejects(long.execute(app.db), /statement timeout/);
  await t.resolves(withLongStatements(app.db, (trx) => long.execute(trx)));
  await t.rejects(long.execute(app.db), /statement timeout/);
});

t.test('a connection that has not answered is never used again', async (t) => {
  const deadlines = { ...testConfig({}).deadlines, answerMs: 200 };
  const app = await build(t, { DATABASE_POOL_MAX: '6' }, { config: { deadlines } });
  const pids = new Set<number>();
  for (let run = 0; run < 5; run += 1) {
    const late = app.db.transaction().execute(async (trx) => {
      const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(trx);
      pids.add(rows[0]?.pid ?? 0);
      await sql`select pg_sleep(1)`.execute(trx);
    });
    await t.rejects(late, /Query read timeout/);
  }
  t.equal(pids.size, 5);
  t.equal(app.pool.totalCount, app.pool.idleCount);
});
