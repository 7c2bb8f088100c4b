import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import t from 'tap';
import { grantRole } from '../../../scripts/support/accounts.ts';
import {
  MAX_FAILURES_PER_HOUR,
  recordFailedLogIn,
  recordWrongPassword,
} from '../../../src/domain/security-events/record.ts';
import { ApiProgram, basic } from '../../support/api.ts';
import { build, buildShared } from '../../support/build.ts';
import { Client } from '../../support/client.ts';
import { createUser, mintToken, PASSWORD, signedInClient } from '../../support/factories.ts';
import { drain } from '../../support/jobs.ts';
import { catchMail, linkIn } from '../../support/smtp.ts';
import { waitFor } from '../../support/wait-for.ts';
import { writeComments, writePosts } from '../../support/writing.ts';

const emptied = await buildShared(t);

const ADDRESS = '192.0.2.1';

function eventsOf({ db }: FastifyInstance) {
  return db
    .selectFrom('security_events')
    .select(['kind', 'user_id as user', 'actor_id as actor', 'address', 'detail'])
    .orderBy('id')
    .execute();
}

function failures(app: FastifyInstance, count: number) {
  return waitFor(async () => {
    const events = (await eventsOf(app)).filter(({ kind }) => kind === 'log-in-failed');
    return events.length === count && events;
  }, `${count} failed log-ins are recorded`);
}

t.test('people’s actions on their account are recorded, without secrets', async (t) => {
  const smtp = await catchMail(t);
  const app = await build(t, { SMTP_URL: smtp.url });
  const { id, email } = await createUser(app);
  const client = new Client(app, { remoteAddress: ADDRESS });
  const secrets = [PASSWORD, 'a mistyped secret', 'another password', 'a third password'];

  await client.post('/auth/login', { email, password: 'a mistyped secret' });
  await failures(app, 1);
  await client.post('/auth/login', { email, password: PASSWORD });
  const passwords = { password: 'another password', password2: 'another password' };
  await client.post('/auth/change-password', { old_password: PASSWORD, ...passwords });
  const page = await client.post('/api-tokens', { name: 'Reader', scope: 'read', lifetime: '30' });
  secrets.push(/<pre[^>]*>([\w-]+)</.exec(page.body)?.[1] ?? '');
  const { id: tokenId } = await app.db.selectFrom('api_tokens').select('id').executeTakeFirstOrThrow();
  await client.post(`/api-tokens/${tokenId}/revoke`);
  const program = new ApiProgram(app, basic(email, 'another password'));
  const answer = await program.send({ method: 'POST', url: '/tokens/', remoteAddress: ADDRESS });
  secrets.push(answer.json().token);
  await client.post('/api-tokens/revoke-unnamed');
  await client.post('/your-data');
  await client.post('/auth/change-email', { email: 'new@example.com', password: 'another password' });
  await drain(app);
  const link = linkIn(smtp.mails.find(({ text }) => text?.includes('/auth/change-email/')));
  secrets.push(link.split('/').at(-1) ?? '');
  await client.post(link);
  await client.post('/auth/logout');
  const reset = await mintToken(app, id, 'reset-password');
  secrets.push(reset, ...[...client.cookies.values()]);
  await client.post(`/auth/reset/${reset}`, { password: 'a third password', password2: 'a third password' });

  const events = await eventsOf(app);
  t.same(
    events.map(({ kind, detail }) => [kind, detail]),
    [
      ['log-in-failed', {}],
      ['logged-in', {}],
      ['password-changed', {}],
      ['token-made', { name: 'Reader' }],
      ['token-revoked', { name: 'Reader' }],
      ['token-made', {}],
      ['token-revoked', { count: 1 }],
      ['export-made', {}],
      ['address-changed', {}],
      ['logged-out', {}],
      ['password-reset', {}],
    ],
  );
  for (const { kind, user, actor, address } of events) {
    t.same(
      { user, actor, address },
      { user: id, actor: kind === 'log-in-failed' ? null : id, address: ADDRESS },
      kind,
    );
  }
  const { rows } = await sql<{ text: string }>`
    select to_jsonb(security_events)::text as text from security_events
  `.execute(app.db);
  for (const secret of secrets) {
    t.ok(secret.length > 8, 'secrets were searched for');
    t.notOk(rows.some(({ text }) => text.includes(secret)));
  }
});

t.test('actions by moderators and Administrators are recorded, without revealing who they are', async (t) => {
  const app = await emptied();
  const john = await createUser(app);
  const staff = await createUser(app, { username: 'boss', role: 'Administrator' });
  const client = new Client(app, { remoteAddress: ADDRESS });
  await client.post('/auth/login', { email: staff.email, password: PASSWORD });
  const [first = 0, second = 0, third = 0] = await writePosts(app, john, 3);
  const [comment = 0, other = 0] = await writeComments(app, john, first, 2);
  const own = await signedInClient(app, john);
  const program = await ApiProgram.of(app, staff);
  await app.db.deleteFrom('security_events').execute();

  await own.post(`/edit/${third}`, { body: 'My own', version: '' });
  await own.post(`/post/${third}/delete`);
  await client.post(`/moderate/disable/${comment}`);
  await client.post(`/moderate/enable/${comment}`);
  await client.post(`/comment/${comment}/delete`);
  await program.delete(`/comments/${other}`);
  await client.post(`/edit/${first}`, { body: 'Changed', version: '' });
  await program.put(`/posts/${first}`, { body: 'Changed again' });
  await client.post(`/post/${first}/delete`);
  await program.delete(`/posts/${second}`);
  const profile = { email: john.email, username: 'john', role: 'User', name: 'Renamed' };
  await client.post(`/edit-profile/${john.id}`, { ...profile, role: 'Moderator', email: 'j@example.com' });
  await client.post(`/edit-profile/${john.id}`, {
    ...profile,
    role: 'Moderator',
    confirmed: 'y',
    email: 'j@example.com',
  });
  await grantRole(app.db, 'j@example.com', 'User');

  const events = await eventsOf(app);
  t.same(
    events.map(({ kind, detail }) => [kind, detail]),
    [
      ['comment-disabled', { post: first, comment }],
      ['comment-enabled', { post: first, comment }],
      ['comment-deleted', { post: first }],
      ['comment-deleted', { post: first }],
      ['post-edited', { post: first }],
      ['post-edited', { post: first }],
      ['post-deleted', { post: first }],
      ['post-deleted', { post: second }],
      ['role-changed', { role: 'Moderator' }],
      ['unconfirmed', {}],
      ['address-changed', {}],
      ['confirmed', {}],
      ['role-changed', { role: 'User' }],
    ],
  );
  t.ok(events.every(({ user }) => user === john.id));
  t.same(new Set(events.slice(0, -1).map(({ actor }) => actor)), new Set([staff.id]));
  t.match(events.at(-1), { actor: null, address: null }, 'the operator has neither account nor address');

  const again = await signedInClient(app, { ...john, email: 'j@example.com' });
  const { body } = await again.get('/auth/activity');
  t.match(body, 'Role changed to Moderator');
  t.match(body, 'site staff');
  t.notMatch(body, ADDRESS);
  t.notMatch(body, 'boss');
});

t.test('failed log-ins are recorded with or without an account, up to a limit', async (t) => {
  const app = await emptied();
  const { id, email } = await createUser(app);
  await sql`
    insert into security_events (kind, user_id, created_at)
    select 'log-in-failed', ${id}, now() - interval '2 hours' from generate_series(1, ${MAX_FAILURES_PER_HOUR}::int)
  `.execute(app.db);
  const client = new Client(app, { remoteAddress: ADDRESS });
  await client.post('/auth/login', { email: 'nobody@example.com', password: 'wrong' });
  await new ApiProgram(app, basic(email, 'wrong')).get('/posts/');
  const recorded = await failures(app, MAX_FAILURES_PER_HOUR + 2);
  t.same(new Set(recorded.map(({ user }) => user)), new Set([null, id]));
  t.ok(recorded.every(({ actor }) => actor === null));
  t.notMatch(JSON.stringify(recorded), 'nobody@example.com');

  for (const address of [email, 'nobody@example.com']) {
    for (let count = 0; count <= MAX_FAILURES_PER_HOUR; count += 1)
      await recordWrongPassword(app.db, address);
  }
  await recordFailedLogIn(app.db, id, 'wrong code');
  await failures(app, 3 * MAX_FAILURES_PER_HOUR + 1);
});

t.test('people see only their own account’s events, 50 per page', async (t) => {
  const app = await emptied();
  const john = await createUser(app);
  const susan = await createUser(app, { username: 'susan' });
  await sql`
    insert into security_events (kind, user_id, actor_id, address, detail)
    select 'token-made', id, id, ('192.0.2.' || id)::inet, jsonb_build_object('name', username || n)
    from users, generate_series(1, 60) as n
  `.execute(app.db);
  const client = await signedInClient(app, john);
  t.match((await client.get('/auth/security')).body, 'href="/auth/activity"');

  const newest = await client.get('/auth/activity');
  t.match(newest.body, 'Logged in');
  t.match(newest.body, `192.0.2.${john.id}`);
  t.notMatch(newest.body, 'susan');
  const older = await client.get(/href="(\/auth\/activity\?before=\d+)"/.exec(newest.body)?.[1] ?? '');
  t.notMatch(older.body, 'susan');
  const names = [newest, older].flatMap(({ body }) => body.match(/john\d+/g));
  t.same(
    names,
    Array.from({ length: 60 }, (_, index) => `john${60 - index}`),
  );
  t.notMatch(older.body, '?before=');
  t.equal((await client.get(`/auth/activity?username=${susan.username}&before=x`)).statusCode, 404);
  t.match((await new Client(app).get('/auth/activity')).headers.location, '/auth/login?next=');
});

t.test('Administrators see all events, and can filter them by account and kind', async (t) => {
  const app = await emptied();
  const john = await createUser(app);
  const boss = await createUser(app, { username: 'boss', role: 'Administrator' });
  const client = await signedInClient(app, boss);
  await signedInClient(app, john);
  const [postId = 0] = await writePosts(app, john);
  await client.post(`/post/${postId}/delete`);
  await recordWrongPassword(app.db, 'nobody@example.com');

  const seen = async (query: string) => {
    const { body } = await client.get(`/admin/activity${query}`);
    return [...body.matchAll(/<td id.*?<\/td>\s*<td>.*?<\/td>(.*?)<\/tr>/gs)].map(([, cells = '']) =>
      cells
        .replaceAll(/<[^>]*>/g, ' ')
        .replaceAll(/\s+/g, ' ')
        .trim(),
    );
  };
  const deleted = `john Post deleted, post ${postId} boss 127.0.0.1`;
  const all = [
    'none Log-in failed',
    deleted,
    'john Logged in john 127.0.0.1',
    'boss Logged in boss 127.0.0.1',
  ];
  t.same(await seen(''), all);
  t.same(await seen('?username=JOHN&kind='), [deleted, 'john Logged in john 127.0.0.1']);
  t.same(await seen('?kind=logged-in&username=boss'), ['boss Logged in boss 127.0.0.1']);
  t.same(await seen('?username=stranger'), []);
  t.equal((await client.get('/admin/activity?kind=nothing')).statusCode, 404);

  await sql`
    insert into security_events (kind, user_id, actor_id) select 'confirmed', ${john.id}, null from generate_series(1, 60)
  `.execute(app.db);
  const { body } = await client.get('/admin/activity?kind=confirmed&username=john');
  const older =
    /href="(\/admin\/activity\?[^"]*before[^"]*)"/.exec(body)?.[1]?.replaceAll('&amp;', '&') ?? '';
  t.equal((await seen(older.replace('/admin/activity', ''))).length, 10);
});

t.test('an event is immutable, and is deleted with its account', async (t) => {
  const app = await emptied();
  const john = await createUser(app);
  const boss = await createUser(app, { username: 'boss', role: 'Administrator' });
  await signedInClient(app, john);
  const [postId = 0] = await writePosts(app, john);
  await (await signedInClient(app, boss)).post(`/post/${postId}/delete`);
  for (const change of [
    "kind = 'logged-out'",
    `actor_id = ${john.id}`,
    'user_id = null',
    'created_at = now()',
  ]) {
    await t.rejects(sql`update security_events set ${sql.raw(change)}`.execute(app.db), /immutable/, change);
  }

  await app.db.deleteFrom('users').where('id', '=', boss.id).execute();
  t.same(
    (await eventsOf(app)).map(({ kind, user, actor }) => [kind, user, actor]),
    [
      ['logged-in', john.id, john.id],
      ['post-deleted', john.id, null],
    ],
  );
  await app.db.deleteFrom('users').where('id', '=', john.id).execute();
  t.same(await eventsOf(app), []);
});
