import { sql } from 'kysely';
import t, { type Test } from 'tap';
import { build } from '../support/build.ts';
import { createDatabase } from '../support/database.ts';
import { createUser, signedInClient } from '../support/factories.ts';
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
