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

/** By table: the column with the time, ages at which a row stays and goes, and the row's other columns and values. */
const AGES: Readonly<Record<string, readonly string[]>> = {
  api_tokens: ['expires_at', '-1 minute', '1 second', 'user_id, scope, token_hash', "1, 'read', 'x'"],
  idempotency_keys: ['created_at', '23 hours', '25 hours', 'user_id, key, fingerprint', "1, 'x', 'x'"],
  known_browsers: ['last_used_at', '364 days', '367 days', 'user_id, token_hash', "1, 'x'"],
  password_resets: ['created_at', '7 days', '9 days', 'email', "'x@example.com'"],
  mail_deliveries: [
    ...['sent_at', '179 days', '181 days'],
    ...['user_id, template, message_id, sent_to, job_id', "1, '', '', '', gen_random_uuid()"],
  ],
  subscriptions: ['asked_at', '6 days', '8 days', 'author_id, email', "1, 'x@example.com'"],
  post_mailings: ['created_at', '59 days', '61 days', 'post_id', '1'],
  digests: ['week', '59 days', '61 days', 'user_id', '1'],
  data_imports: ['ended_at', '6 days', '8 days', 'user_id, state', "1, 'done'"],
  picture_uploads: ['created_at', '23 hours', '25 hours', 'user_id, fault', "1, 'unreadable'"],
  job_attempts: [
    ...['started_at', '13 days', '15 days'],
    ...['job_id, queue, attempt, worker', "gen_random_uuid(), 'mail', 1, ''"],
  ],
  job_batches: [
    ...['ended_at', '29 days', '31 days'],
    ...['id, queue, job_id', "gen_random_uuid(), 'mail', gen_random_uuid()"],
  ],
  job_reports: ['updated_at', '7 days', '9 days', 'job_id', 'gen_random_uuid()'],
  job_audit_log: ['at', '399 days', '401 days', 'username, action, subject', "'', '', ''"],
};

t.test('no row goes before its time', async (t) => {
  const app = await emptied();
  await writePosts(app, await createUser(app));
  await sql`
    insert into api_tokens (user_id, scope, token_hash, name) values (1, 'read', '', 'lasts until it is revoked')
  `.execute(app.db);
  await sql`
    insert into subscriptions (author_id, email, asked_at, confirmed_at)
    values (1, 'confirmed@example.com', now() - interval '8 days', now())
  `.execute(app.db);
  const pruneAt = async (age: 'fresh' | 'expired') => {
    for (const [table, [time = '', fresh, expired, columns, values]] of Object.entries(AGES)) {
      await sql`
        insert into ${sql.table(table)} (${sql.raw(`${columns}, ${time}`)})
        values (${sql.raw(`${values}, now() - interval '${age === 'fresh' ? fresh : expired}'`)})
      `.execute(app.db);
    }
    const removed = await prune(app.db, { signal: new AbortController().signal });
    return Object.keys(AGES).map((table) => removed[table]);
  };
  const none = Object.keys(AGES).map(() => 0);
  t.same(await pruneAt('fresh'), none);
  for (const table of Object.keys(AGES)) await sql`delete from ${sql.table(table)}`.execute(app.db);
  t.same(
    await pruneAt('expired'),
    none.map(() => 1),
  );
});
