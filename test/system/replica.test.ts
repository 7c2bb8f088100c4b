import { sql } from 'kysely';
import t, { type Test } from 'tap';
import { migrateToLatest } from '../../scripts/support/migrate.ts';
import { build } from '../support/build.ts';
import { createDatabase } from '../support/database.ts';
import { createUser, signedInClient } from '../support/factories.ts';
import { temporaryFolder } from '../support/folder.ts';
import { FaultyPostgres } from '../support/postgres.ts';
import { waitFor } from '../support/wait-for.ts';
import { writePosts } from '../support/writing.ts';

/** A site whose replica is a copy with a different post. */
async function setUp(t: Test, replicaUrl: string) {
  const app = await build(t, { DATABASE_REPLICA_URL: replicaUrl });
  const author = await createUser(app, { username: 'author' });
  await writePosts(app, author);
  return { app, author };
}

t.test('visitors without a session read from the replica, others from the primary', async (t) => {
  const replicaUrl = await createDatabase(t);
  const replica = await build(t, { DATABASE_URL: replicaUrl });
  await writePosts(replica, await createUser(replica, { username: 'author' }));
  await sql`update posts set body_html = '<p>From the replica</p>'`.execute(replica.db);

  const { app, author } = await setUp(t, replicaUrl);
  const client = await signedInClient(app, author);
  for (const path of ['/', '/post/1', '/user/author']) {
    t.match((await app.inject(path)).body, 'From the replica', path);
    t.match((await client.get(path)).body, 'Post 1', path);
  }
  t.match((await app.inject('/feed.atom')).body, 'From the replica');
  await client.post('/', { body: 'Written to the primary' });
  t.match((await client.get('/')).body, 'Written to the primary');
  t.notMatch((await app.inject('/')).body, 'Written to the primary');
});

t.test('the primary replaces an unreachable replica', async (t) => {
  const { app } = await setUp(t, 'postgres://nobody@127.0.0.1:1/nowhere');
  t.match((await app.inject('/')).body, 'Post 1');
  t.match((await app.inject('/')).body, 'Post 1', 'even before it is tried again');
});

t.test(
  'the primary, which prepares statements for its own readers, also prepares the replica’s',
  async (t) => {
    const { app, author } = await setUp(t, 'postgres://nobody@127.0.0.1:1/nowhere');
    const client = await signedInClient(app, author);
    for (let visit = 0; visit < 10; visit += 1) t.equal((await client.get('/')).statusCode, 200);
    for (let visit = 0; visit < 10; visit += 1) t.equal((await app.inject('/archive')).statusCode, 200);
  },
);

t.test('with a standby of its own', async (t) => {
  const primary = await FaultyPostgres.start(t, await temporaryFolder(t));
  await migrateToLatest(primary.cluster.url('postgres'), () => {});
  const folder = await temporaryFolder(t);
  await primary.copyTo(folder);
  const standby = await FaultyPostgres.start(t, folder);
  const hosts = `127.0.0.1:1,127.0.0.1:${standby.cluster.port},127.0.0.1:${primary.cluster.port}`;
  const url = primary.cluster.url('postgres').replace(/127\.0\.0\.1:\d+/, hosts);
  const env = { DATABASE_URL: url, DATABASE_REPLICA_URL: `${url}?target_session_attrs=standby` };
  const app = await build(t, env, { role: 'web-and-worker' });
  const author = await createUser(app, { username: 'author' });
  const isStandby = async ({ readDb }: typeof app) =>
    (await sql<{ is: boolean }>`select pg_is_in_recovery() as is`.execute(readDb)).rows[0]?.is;

  /** Ends the standby's connection while it runs a statement, which takes no time on the primary. */
  const loseDuringStatement = async () => {
    const sleeping = sql`select case when pg_is_in_recovery() then pg_sleep(60) end`.execute(app.readDb);
    const end = `select pg_terminate_backend(pid) from pg_stat_activity
      where query like 'select case%' and state = 'active'`;
    const [result] = await Promise.all([
      sleeping,
      waitFor(async () => (await standby.query(end)).length > 0, 'it is lost'),
    ]);
    return result;
  };

  await t.test('the primary and the standby are found among several hosts', async (t) => {
    await writePosts(app, author);
    t.equal(await isStandby(app), true);
  });

  await t.test('a statement runs again on the primary if the standby is lost during it', async (t) => {
    t.equal((await loseDuringStatement()).rows.length, 1);
    t.equal(await isStandby(app), false, 'it is not asked again at once');
  });

  await t.test('a standby that is behind is not read from until it has caught up', async (t) => {
    const other = await build(t, env);
    await waitFor(() => isStandby(other), 'the standby is read from');
    await standby.query('select pg_wal_replay_pause()');
    await writePosts(app, author);
    await waitFor(async () => (await isStandby(other)) === false, 'it is behind');
    t.match((await other.inject('/')).body, 'Post 1');
    await standby.query('select pg_wal_replay_resume()');
    await waitFor(() => isStandby(other), 'it has caught up');
  });

  await t.test('all connections follow the primary after a failover', async (t) => {
    const signedIn = await signedInClient(app, author);
    await waitFor(() => isStandby(app), 'the standby is read from');
    await primary.cluster.stop('immediate');
    for (let visit = 0; visit < 5; visit += 1) t.equal((await signedIn.get('/')).statusCode, 503);
    t.equal((await app.inject('/')).statusCode, 200, 'reading the same page goes on for visitors');
    await t.rejects(loseDuringStatement());
    t.equal(
      (await app.inject('/')).statusCode,
      200,
      'a standby that was lost is used if there is no primary',
    );
    await standby.query('select pg_promote()');
    await waitFor(() => writePosts(app, author).catch(() => undefined), 'writing goes on');
    const { promise: heard, resolve } = Promise.withResolvers<void>();
    const open = async () => {
      const listening = await app.channels
        .listen('test', { onMessage: () => resolve(), onGap: () => {} })
        .catch(() => undefined);
      return listening;
    };
    const listening = await waitFor(open, 'the new primary is listened to');
    await sql`notify test`.execute(app.db);
    await heard;
    await listening.close();
  });
});
