import { sql } from 'kysely';
import t from 'tap';
import { prune } from '../../src/domain/prune.ts';
import { buildShared } from '../support/build.ts';
import { createUser, mailedToken, mintToken, signedInClient } from '../support/factories.ts';
import { writePosts } from '../support/writing.ts';

const emptied = await buildShared(t);

t.test('expired rows are deleted, and others stay', async (t) => {
  const app = await emptied();
  const user = await createUser(app);
  await signedInClient(app, user);
  await mintToken(app, user.id, 'confirm-account');
  await mintToken(app, user.id, 'reset-password');
  await sql`update mailed_tokens set expires_at = now() where purpose = 'confirm-account'`.execute(app.db);
  await sql`insert into workers (name, queues, concurrency) values ('here', '{}', 1)`.execute(app.db);
  await sql`
    insert into workers (name, queues, concurrency, seen_at) values ('gone', '{}', 1, now() - interval '2 days')
  `.execute(app.db);
  await sql`
    insert into sessions (token_hash, expires_at)
    select decode(md5(n::text), 'hex'), now() - interval '1 second' from generate_series(1, 25000) as n
  `.execute(app.db);

  await sql`
    insert into security_events (kind, created_at)
    select 'logged-in', now() - days * interval '1 day' from unnest(array[179, 181]) as days
  `.execute(app.db);
  await sql`
    insert into notifications (recipient_id, kind, cause, created_at)
    select ${user.id}, 'follow', days, now() - days * interval '1 day' from unnest(array[89, 91]) as days
  `.execute(app.db);
  await sql`insert into rate_limits values ('over', 1, 1), ('on', 1, 1e15)`.execute(app.db);

  const removed = await prune(app.db, { signal: new AbortController().signal });

  t.match(removed, { sessions: 25_000, mailed_tokens: 1, workers: 1, mail_deliveries: 0, rate_limits: 1 });
  t.match(removed, { security_events: 1, notifications: 1 });
  const left = async (table: 'sessions' | 'mailed_tokens' | 'workers') =>
    (await app.db.selectFrom(table).selectAll().execute()).length;
  t.same([await left('sessions'), await left('mailed_tokens'), await left('workers')], [1, 1, 1]);
});

t.test('an unconfirmed account is deleted a week after its last use', async (t) => {
  const app = await emptied();
  const weekAgo = sql<Date>`now() - interval '8 days'`;
  const create = async (username: string, isConfirmed: boolean, lastSeen = weekAgo) => {
    const person = await createUser(app, { username, isConfirmed });
    await app.db.updateTable('users').set({ last_seen_at: lastSeen }).where('id', '=', person.id).execute();
    return person;
  };
  await create('forgotten', false);
  await create('new', false, sql<Date>`now() - interval '6 days'`);
  await create('confirmed', true);
  const admin = await create('admin', false);
  await app.db.updateTable('users').set({ role: 'Administrator' }).where('id', '=', admin.id).execute();
  await writePosts(app, await create('author', false));

  const removed = await prune(app.db, { signal: new AbortController().signal });
  t.equal(removed.users, 1);
  const left = await app.db.selectFrom('users').select('username').orderBy('id').execute();
  t.same(
    left.map(({ username }) => username),
    ['new', 'confirmed', 'admin', 'author'],
  );
});

t.test('the rows that a mailed link needs outlive the days in which its mail is tried', async (t) => {
  const app = await emptied();
  const { id } = await createUser(app);
  await sql`
    insert into email_changes (user_id, new_email, old_email, created_at, completed_at) values
      (${id}, 'a@example.com', 'b@example.com', now() - interval '12 days', now() - interval '7 days'),
      (${id}, 'c@example.com', 'b@example.com', now() - interval '12 days', now() - interval '9 days'),
      (${id}, 'd@example.com', null, now() - interval '7 days', null)
  `.execute(app.db);
  await sql`
    insert into data_exports (user_id, state, ended_at)
    select ${id}, 'ready', now() - interval '8 days' from generate_series(1, 2)
  `.execute(app.db);
  const [linked] = await app.db.selectFrom('data_exports').select('id').orderBy('id').execute();
  await mailedToken(app, { template: 'export-ready', userId: id, exportId: linked?.id ?? 0 });

  await prune(app.db, { signal: new AbortController().signal });

  const changes = await app.db.selectFrom('email_changes').select('new_email').orderBy('id').execute();
  t.match(changes, [{ new_email: 'a@example.com' }, { new_email: 'd@example.com' }]);
  t.equal(changes.length, 2);
  t.same(await app.db.selectFrom('data_exports').select('id').execute(), [linked]);
});
