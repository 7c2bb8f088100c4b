import { sql } from 'kysely';
import t from 'tap';
import { ApiProgram, basic } from './support/api.ts';
import { build } from './support/build.ts';
import { Client } from './support/client.ts';
import { createUser, PASSWORD, signedInClient } from './support/factories.ts';
import { WIDE, withLimits } from './support/limits.ts';
import { writePosts } from './support/writing.ts';

const narrow = { points: 2, seconds: 60 };

t.test('posts are limited per account, across pages and the API', async (t) => {
  const app = await build(t, {}, withLimits({ post: 3 }));
  const john = await createUser(app);
  const client = await signedInClient(app, john);
  const program = await ApiProgram.of(app, john);
  const publish = () => client.post('/', { body: 'Hello' });

  t.equal((await publish()).statusCode, 303);
  t.equal((await program.post('/posts/', { body: 'Hello' })).statusCode, 201);
  const { id } = await app.db.selectFrom('posts').select('id').orderBy('id').executeTakeFirstOrThrow();
  t.equal(
    (await client.post(`/edit/${id}`, { body: 'Changed', version: '' })).statusCode,
    303,
    'an edit is one',
  );

  const page = await publish();
  t.equal(page.statusCode, 429);
  t.ok(Number(page.headers['retry-after']) > 0);
  for (const refused of [
    await program.post('/posts/', { body: 'Hello' }),
    await program.put(`/posts/${id}`, { body: 'Hello' }),
    await client.post('/', { body: 'Hello' }, { headers: { accept: 'application/json' } }),
  ]) {
    t.equal(refused.statusCode, 429);
    t.equal(refused.json().error, 'too many requests');
    t.ok(Number(refused.headers['retry-after']) > 0);
  }
  t.equal(
    (await program.get('/posts/')).statusCode,
    200,
    'without the permission to write, reading is allowed',
  );

  const susan = await signedInClient(app, await createUser(app, { username: 'susan' }));
  t.equal((await susan.post('/', { body: 'Hello' })).statusCode, 303, 'another account is not affected');
});

t.test('previews have their own limit', async (t) => {
  const app = await build(t, {}, withLimits({ post: 1, preview: 2 }));
  const client = await signedInClient(app, await createUser(app));
  t.equal((await client.post('/', { body: 'Hello' })).statusCode, 303);
  const scheduled = { body: 'Hello', publish_at: '2020-01-01T00:00', preview: 'y' };
  t.equal((await client.post('/drafts/schedule', scheduled)).statusCode, 429, 'it has no preview');
  const preview = () => client.post('/', { body: 'Hello', preview: 'y' });
  t.equal((await preview()).statusCode, 200);
  t.equal((await preview()).statusCode, 200);
  t.equal((await preview()).statusCode, 429);
});

t.test('comments, follows, profiles and tokens are limited', async (t) => {
  const app = await build(t, {}, withLimits({ comment: 2, follow: 2, profile: 2, token: 2 }));
  const john = await createUser(app);
  await createUser(app, { username: 'susan' });
  const client = await signedInClient(app, john);
  const program = await ApiProgram.of(app, john);
  const [postId] = await writePosts(app, john);

  const comment = { body: 'Hello' };
  for (let number = 1; number <= 3; number += 1)
    t.equal((await client.post(`/post/${postId}`, { ...comment, preview: 'y' })).statusCode, 200);
  t.equal((await client.post(`/post/${postId}`, comment)).statusCode, 303);
  t.equal((await program.post(`/posts/${postId}/comments/`, { body: 'Hello' })).statusCode, 201);
  t.equal((await client.post(`/post/${postId}`, { body: 'Hello' })).statusCode, 429);
  t.equal((await program.post(`/posts/${postId}/comments/`, { body: 'Hello' })).statusCode, 429);

  t.equal((await client.post('/follow/susan')).statusCode, 303);
  t.equal((await client.post('/unfollow/susan')).statusCode, 303);
  t.equal((await client.post('/follow/susan')).statusCode, 429);

  const profile = { name: 'John', location: '', about_me: '' };
  t.equal((await client.post('/edit-profile', profile)).statusCode, 303);
  const mails = {
    comment_mails: 'never',
    reply_mails: 'never',
    mention_mails: 'never',
    follow_mails: 'never',
  };
  t.equal((await client.post('/edit-profile/mails', mails)).statusCode, 303);
  t.equal((await client.post('/edit-profile', profile)).statusCode, 429);

  const token = { name: 'backup', scope: 'read', lifetime: '30' };
  t.equal((await client.post('/api-tokens', token)).statusCode, 200);
  t.equal((await client.post('/api-tokens', token)).statusCode, 200);
  t.equal((await client.post('/api-tokens', token)).statusCode, 429);
});

t.test('log-ins with the right password are limited too, separately for each IP address', async (t) => {
  const app = await build(t, {}, withLimits({ session: 2 }));
  const john = await createUser(app);
  const logIn = (remoteAddress: string) =>
    new Client(app, { remoteAddress }).post('/auth/login', { email: john.email, password: PASSWORD });
  t.equal((await logIn('192.0.2.1')).statusCode, 303);
  t.equal((await logIn('192.0.2.1')).statusCode, 303);
  t.equal((await logIn('192.0.2.1')).statusCode, 429);
  t.equal((await app.db.selectFrom('sessions').select('user_id').execute()).length, 2);
  t.equal((await logIn('192.0.2.2')).statusCode, 303, 'nobody else can use up the owner’s');
});

t.test('an IP address is limited across all its accounts', async (t) => {
  const app = await build(t, {}, withLimits({ post: { account: WIDE, address: narrow } }));
  const [john, susan] = [await createUser(app), await createUser(app, { username: 'susan' })];
  for (const person of [john, susan]) {
    t.equal((await (await signedInClient(app, person)).post('/', { body: 'Hello' })).statusCode, 303);
  }
  t.equal((await (await signedInClient(app, susan)).post('/', { body: 'Hello' })).statusCode, 429);
});

t.test('an account over its limit does not use up that of its IP address', async (t) => {
  const app = await build(
    t,
    {},
    withLimits({ post: { account: { points: 1, seconds: 60 }, address: narrow } }),
  );
  const john = await signedInClient(app, await createUser(app));
  for (let number = 0; number < 5; number += 1) await john.post('/', { body: 'Hello' });
  const susan = await signedInClient(app, await createUser(app, { username: 'susan' }));
  t.equal((await susan.post('/', { body: 'Hello' })).statusCode, 303);
});

t.test('a new account may write a tenth, on pages and through the API', async (t) => {
  const app = await build(t, {}, withLimits({ post: 20, comment: 20 }));
  const john = await createUser(app, { isNew: true });
  const client = await signedInClient(app, john);
  const program = await ApiProgram.of(app, john);
  t.equal((await client.post('/', { body: 'Hello' })).statusCode, 303);
  t.equal((await program.post('/posts/', { body: 'Hello' })).statusCode, 201);
  t.equal((await client.post('/', { body: 'Hello' })).statusCode, 429);
  t.equal((await program.post('/posts/', { body: 'Hello' })).statusCode, 429);

  const [postId = 0] = await writePosts(app, john);
  const susan = await createUser(app, { username: 'susan' });
  const mary = await createUser(app, { username: 'mary', isNew: true });
  for (const [who, by, third] of [
    ['john', new ApiProgram(app, basic(john.email, PASSWORD)), 429],
    ['susan', new ApiProgram(app, basic(susan.email, PASSWORD)), 201],
    ['mary', await ApiProgram.of(app, mary), 429],
  ] as const) {
    const comment = async () => (await by.post(`/posts/${postId}/comments/`, { body: 'Hello' })).statusCode;
    t.same([await comment(), await comment(), await comment()], [201, 201, third], who);
  }
});

t.test('the typed text is kept and can be sent again', async (t) => {
  const app = await build(t, {}, withLimits({ post: 1 }));
  const client = await signedInClient(app, await createUser(app));
  await client.post('/', { body: 'Hello' });
  const body = '\nTwo lines,\n</textarea><script>alert("1")</script> & more';
  const page = await client.post('/?page=2', { body, 'x"y': '"><b>' });
  t.equal(page.statusCode, 429);
  t.match(page.body, '<form method="post" action="/?page=2">');
  t.match(
    page.body,
    'name="body" rows="8">\n\nTwo lines,\n&lt;/textarea&gt;&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; more</textarea>',
  );
  t.match(page.body, '<input type="hidden" name="x&quot;y" value="&quot;&gt;&lt;b&gt;">');
  t.notMatch(page.body, '<script>alert');

  const huge = await client.post('/', { body: 'x'.repeat(100_001) });
  t.ok(huge.body.length < 20_000);
});

t.test('passwords are never sent back', async (t) => {
  const app = await build(t, {}, withLimits({ login: 1 }));
  const client = await signedInClient(app, await createUser(app));
  const guess = { old_password: 'secret one', password: 'secret two', password2: 'secret two' };
  await client.post('/auth/change-password', guess);
  const refused = await client.post('/auth/change-password', guess);
  t.equal(refused.statusCode, 429);
  t.match(refused.body, 'action="/auth/change-password"');
  t.notMatch(refused.body, 'secret');

  const login = { email: 'john@example.com', password: 'secret three' };
  await client.post('/auth/login', login);
  const page = await client.post('/auth/login', login);
  t.equal(page.statusCode, 429);
  t.match(page.body, '<input type="hidden" name="email" value="john@example.com">');
  t.notMatch(page.body, 'secret');
});

t.test('reading pages is not counted', async (t) => {
  const app = await build(t);
  const client = await signedInClient(app, await createUser(app));
  await sql`delete from rate_limits`.execute(app.db);
  for (const path of ['/', '/user/john', '/edit-profile', '/your-data']) {
    t.equal((await client.get(path)).statusCode, 200);
  }
  t.equal((await sql`select from rate_limits`.execute(app.db)).rows.length, 0);
});
