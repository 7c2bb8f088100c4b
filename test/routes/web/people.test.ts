import { sql } from 'kysely';
import t from 'tap';
import { follow } from '../../../src/domain/follows/follow.ts';
import { ApiProgram } from '../../support/api.ts';
import { buildShared } from '../../support/build.ts';
import { Client, errorsOf, messagesOf } from '../../support/client.ts';
import { eventsOn } from '../../support/events.ts';
import { createUser, signedInClient } from '../../support/factories.ts';
import { writeComments, writePosts } from '../../support/writing.ts';

const emptied = await buildShared(t);

t.test(
  'a profile shows a person, their counts and posts, and not themselves among their followers',
  async (t) => {
    const app = await emptied();
    const [john, susan] = [await createUser(app), await createUser(app, { username: 'Susan' })];
    const [postId = 0] = await writePosts(app, susan, 2);
    await writeComments(app, susan, postId, 3);
    await follow(app, susan.id, john.id);

    const { body } = await (await signedInClient(app, john)).get('/user/sUSAN');
    t.match(body, '<h1>Susan</h1>', 'the name as its owner writes it');
    t.match(body, '2 posts, 3 comments');
    t.match(body, '0 followers');
    t.match(body, '1 following');
    t.match(body, 'Follows you');
    const mary = await createUser(app, { username: 'mary' });
    await follow(app, mary.id, susan.id);
    const { body: hers } = await (await signedInClient(app, john)).get('/user/mary');
    t.notMatch(hers, 'Follows you', 'but somebody else');
    t.notMatch(body, 'susan@example.com', "the email is nobody else's business");
    t.match(body, /<img class="avatar" src="\/avatar\/[0-9a-f-]{36}\.svg"/);
    t.equal((await new Client(app).get('/user/nobody')).statusCode, 404);
  },
);

t.test('only Administrators can see unconfirmed accounts', async (t) => {
  const app = await emptied();
  const [hidden, john] = [
    await createUser(app, { username: 'hidden', isConfirmed: false }),
    await createUser(app),
  ];
  const admin = await createUser(app, { username: 'admin', role: 'Administrator' });
  const reader = await signedInClient(app, john);
  const pages = ['/user/hidden', '/user/hidden/feed.atom', '/user/hidden/feed.json'];
  for (const path of [...pages, '/followers/hidden', '/followed-by/hidden']) {
    for (const client of [new Client(app), reader]) {
      const absent = await client.get(path);
      t.equal(absent.statusCode, 404, path);
      const nobody = await client.get(path.replace('hidden', 'nobody'));
      t.equal(withoutReference(absent.body), withoutReference(nobody.body), path);
    }
  }
  t.same(messagesOf(await reader.follow(await reader.post('/follow/hidden'))), ['Invalid user.']);
  const program = await ApiProgram.of(app, john);
  for (const path of [`/users/${hidden.id}`, `/users/${hidden.id}/posts/`]) {
    t.equal((await program.get(path)).statusCode, 404, path);
  }

  t.match((await (await signedInClient(app, admin)).get('/user/hidden')).body, `/admin/people/${hidden.id}`);
  await app.db.updateTable('users').set({ confirmed_at: new Date() }).where('id', '=', hidden.id).execute();
  t.equal((await reader.get('/user/hidden')).statusCode, 200);
});

const withoutReference = (page: string) =>
  page.replaceAll(/[0-9a-f-]{36}/g, '').replaceAll('nobody', 'hidden');

t.test('an avatar is always drawn the same from its seed, and can be cached forever', async (t) => {
  const app = await emptied();
  const url = '/avatar/00000000-0000-4000-8000-000000000000.svg';
  const [one, two] = [await app.inject(url), await app.inject(url)];
  t.equal(one.headers['content-type'], 'image/svg+xml');
  t.match(one.headers['cache-control'], 'immutable');
  t.equal(one.body, two.body);
  t.match(one.body, 'fill="hsl(200 50% 40%)" d="M2 1h1v1h-1zM4 1h1v1h-1zM1 2h1v1h-1zM2 2h1v1h-1z');
  t.not(one.body, (await app.inject(url.replace('-000000000000', '-000000000001'))).body);
  t.equal((await app.inject('/avatar/<script>.svg')).statusCode, 404);
});

t.test('people can edit their own profile, and markup in it is shown as text', async (t) => {
  const app = await emptied();
  const client = await signedInClient(app, await createUser(app));
  await createUser(app, { username: 'susan' });
  const page = await client.follow(
    await client.post('/edit-profile', {
      name: '<b>John</b>',
      location: '"><script>alert(1)</script>',
      about_me: '<img src=x onerror=alert(1)>\n[x](javascript:alert(1))',
    }),
  );
  t.same(messagesOf(page), ['Your profile has been updated.']);
  t.match(page.body, '&lt;b&gt;John&lt;/b&gt;');
  t.notMatch(page.body, /<b>John|<script>alert|<img src=x|href="javascript/);
  const form = await client.get('/edit-profile');
  t.notMatch(form.body, /<script>alert|<img src=x/);
  t.match(await app.db.selectFrom('users').select(['location', 'about_me']).orderBy('id').execute(), [
    { location: /^"><script>/, about_me: /^<img/ },
    { location: '', about_me: '' },
  ]);

  const long = await client.post('/edit-profile', { name: 'x'.repeat(65), location: '', about_me: '' });
  t.equal(long.statusCode, 422);
  t.same(errorsOf(long), { name: 'Enter at most 64 characters.' });
  t.match((await new Client(app).get('/edit-profile')).headers.location, '/auth/login');
});

t.test("an Administrator can edit anyone's profile", async (t) => {
  const app = await emptied();
  const john = await createUser(app, { isConfirmed: false });
  const admin = await signedInClient(
    app,
    await createUser(app, { username: 'admin', role: 'Administrator' }),
  );
  const url = `/edit-profile/${john.id}`;
  const fields = {
    email: 'new@example.com',
    username: 'johnny',
    role: 'Moderator',
    name: 'Johnny',
    location: 'Rome',
    about_me: 'A man',
  };
  const application = { user_id: john.id, reason: 'To write', confirmed_at: new Date() };
  await app.db.insertInto('applications').values(application).execute();

  t.match((await admin.get(url)).body, 'value="john@example.com"');
  await admin.follow(await admin.post(url, { ...fields, email: john.email, role: 'User' }));
  t.match(await app.db.selectFrom('applications').select('reason').execute(), [{ reason: 'To write' }]);
  const page = await admin.follow(await admin.post(url, { ...fields, confirmed: 'y' }));
  t.same(messagesOf(page), ['The profile has been updated.']);
  t.match(page.body, '<h1>johnny</h1>');
  const row = await app.db
    .selectFrom('users')
    .selectAll()
    .where('id', '=', john.id)
    .executeTakeFirstOrThrow();
  t.match(row, { email: 'new@example.com', role: 'Moderator', location: 'Rome' });
  t.match(row, { name: 'Johnny', about_me: 'A man' });
  t.same(await app.db.selectFrom('applications').select('user_id').execute(), [], 'it is decided');
  t.ok(row.confirmed_at);

  await admin.post(url, { ...fields, confirmed: 'y', name: 'John' });
  await admin.post(url, fields);
  t.same(await eventsOn(app, john), [
    'role-changed by admin',
    'confirmed by admin',
    'address-changed by admin',
    'unconfirmed by admin',
  ]);
  const again = await app.db
    .selectFrom('users')
    .select('confirmed_at')
    .where('id', '=', john.id)
    .executeTakeFirst();
  t.equal(again?.confirmed_at, null, 'the box was not ticked');
});

t.test("an Administrator cannot take another account's name or email, or invent a role", async (t) => {
  const app = await emptied();
  const john = await createUser(app);
  await createUser(app, { username: 'Susan' });
  const admin = await signedInClient(
    app,
    await createUser(app, { username: 'admin', role: 'Administrator' }),
  );
  const submit = (changes: object) =>
    admin.post(`/edit-profile/${john.id}`, {
      email: 'john@example.com',
      username: 'john',
      role: 'User',
      confirmed: 'y',
      name: '',
      location: '',
      about_me: '',
      ...changes,
    });
  t.same(errorsOf(await submit({ username: 'SUSAN' })), { username: 'Username already in use.' });
  t.same(errorsOf(await submit({ email: 'Susan@Example.com' })), { email: 'Email already registered.' });
  t.same(errorsOf(await submit({ role: 'King' })), { role: 'Invalid value.' });
  t.equal((await admin.get('/edit-profile/999999')).statusCode, 404);
});

t.test("nobody else can edit other people's profiles", async (t) => {
  const app = await emptied();
  const [john, susan] = [
    await createUser(app),
    await createUser(app, { username: 'susan', role: 'Moderator' }),
  ];
  const client = await signedInClient(app, susan);
  t.equal((await client.get(`/edit-profile/${john.id}`)).statusCode, 403);
  t.equal((await client.post(`/edit-profile/${john.id}`, { role: 'Administrator' })).statusCode, 403);
});

t.test('a visit is recorded at most once a minute, for the visitor alone', async (t) => {
  const app = await emptied();
  const [john, susan] = [await createUser(app), await createUser(app, { username: 'susan' })];
  const [client] = [await signedInClient(app, john), await signedInClient(app, susan)];
  const program = await ApiProgram.of(app, john);
  /** Makes the last visits this old, visits, and returns whose visit was recorded. */
  const recorded = async (age: string, visit: () => Promise<unknown>) => {
    for (const table of ['users', 'sessions'])
      await sql`update ${sql.table(table)} set last_seen_at = now() - ${age}::interval`.execute(app.db);
    await visit();
    const { rows } = await sql<{ whose: string }>`
      select username as whose from users where last_seen_at > now() - interval '20 seconds'
      union all
      select 'session of ' || username from sessions join users on users.id = user_id
      where sessions.last_seen_at > now() - interval '20 seconds'
    `.execute(app.db);
    return rows.map(({ whose }) => whose);
  };
  const visits = () => Promise.all([client.get('/'), client.get('/'), client.get('/')]);
  t.same(await recorded('30 seconds', visits), []);
  t.same(await recorded('61 seconds', visits), ['john', 'session of john']);
  t.same(await recorded('30 seconds', () => program.get('/posts/')), []);
  await app.db.updateTable('api_tokens').set({ last_used_at: null }).execute();
  t.same(await recorded('61 seconds', () => program.get('/posts/')), ['john']);
});

t.test('the last Administrator cannot demote or unconfirm themselves', async (t) => {
  const app = await emptied();
  const admin = await createUser(app, { username: 'admin', role: 'Administrator' });
  const client = await signedInClient(app, admin);
  const profile = { email: admin.email, username: 'admin', name: '', location: '', about_me: '' };
  const edit = (fields: Record<string, string>) =>
    client.post(`/edit-profile/${admin.id}`, { ...profile, ...fields });
  t.equal((await edit({ role: 'Administrator', confirmed: 'y', name: 'Ada' })).statusCode, 303);
  const message = 'This is the only Administrator. Promote another account first.';
  for (const fields of [{ role: 'User', confirmed: 'y' }, { role: 'Administrator' }]) {
    const refused = await edit(fields);
    t.equal(refused.statusCode, 422);
    t.same(errorsOf(refused), { role: message });
  }
  const { id } = await createUser(app, { username: 'other', role: 'Administrator' });
  for (const column of ['deletion_due_at', 'suspended_until', 'silenced_until'] as const) {
    const setTo = (value: Date | null) =>
      app.db
        .updateTable('users')
        .set({ [column]: value })
        .where('id', '=', id)
        .execute();
    await setTo(new Date(Date.now() + 60_000));
    t.equal((await edit({ role: 'User', confirmed: 'y' })).statusCode, 422, `the other has ${column}`);
    await setTo(null);
  }
  t.equal((await edit({ role: 'User', confirmed: 'y' })).statusCode, 303);
});
