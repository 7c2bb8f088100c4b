import { sql } from 'kysely';
import t from 'tap';
import { issueToken, MAX_NAMED_TOKENS } from '../../../src/domain/api-tokens/issue.ts';
import { ApiProgram } from '../../support/api.ts';
import { build, buildShared } from '../../support/build.ts';
import { Client, errorsOf, messagesOf } from '../../support/client.ts';
import { eventsOn } from '../../support/events.ts';
import { createUser, signedInClient } from '../../support/factories.ts';

const emptied = await buildShared(t);

const FIELDS = { name: 'nightly', scope: 'read', lifetime: '90' };

t.test('a token is created, shown once, used, and revoked', async (t) => {
  const app = await emptied();
  const john = await createUser(app);
  const client = await signedInClient(app, john);

  const made = await client.post('/api-tokens', FIELDS);
  t.equal(made.statusCode, 200);
  t.equal(made.headers['cache-control'], 'no-store');
  const token = /<pre[^>]*>([\w-]{43})<\/pre>/.exec(made.body)?.[1];
  t.ok(token);
  const program = new ApiProgram(app, `Bearer ${token}`);
  t.equal((await program.get('/posts/')).statusCode, 200);
  t.equal((await program.post('/posts/', { body: 'x' })).statusCode, 403, 'it only reads');

  const list = await client.get('/api-tokens');
  t.match(list.body, /<th scope="row">nightly<\/th><td>read only<\/td>/);
  t.notMatch(list.body, token);
  const { id } = await app.db.selectFrom('api_tokens').select('id').executeTakeFirstOrThrow();
  await client.post('/api-tokens', { ...FIELDS, name: 'weekly' });

  const stranger = await signedInClient(app, await createUser(app, { username: 'susan' }));
  t.notMatch((await stranger.get('/api-tokens')).body, 'nightly');
  const missed = await stranger.follow(await stranger.post(`/api-tokens/${id}/revoke`));
  t.same(messagesOf(missed), ['There is no such token.']);
  t.equal((await program.get('/posts/')).statusCode, 200);

  const revoked = await client.follow(await client.post(`/api-tokens/${id}/revoke`));
  t.same(messagesOf(revoked), ['The token has been revoked.']);
  t.equal((await program.get('/posts/')).statusCode, 401);
  t.match(revoked.body, 'weekly', 'the other stays');
  t.same(await eventsOn(app, john), [
    'logged-in by john',
    'token-made by john',
    'token-made by john',
    'token-revoked by john',
  ]);
});

t.test('a token lasts as long as its owner chose', async (t) => {
  const app = await emptied();
  const client = await signedInClient(app, await createUser(app));
  for (const lifetime of ['30', '365', 'never'])
    await client.post('/api-tokens', { ...FIELDS, name: `lasting ${lifetime}`, lifetime });
  const rows = await app.db.selectFrom('api_tokens').select('expires_at').orderBy('id').execute();
  const days = rows.map(
    ({ expires_at: end }) => end && Math.round((end.getTime() - Date.now()) / 86_400_000),
  );
  t.same(days, [30, 365, null]);
  const listed = async () =>
    [...(await client.get('/api-tokens')).body.matchAll(/<th scope="row">lasting (\w+)/g)].map(
      ([, name]) => name,
    );
  t.same(await listed(), ['never', '365', '30'], 'newest first');
  await sql`update api_tokens set expires_at = now() where name = 'lasting 365'`.execute(app.db);
  t.same(await listed(), ['never', '30'], 'without those that have expired');
});

t.test('tokens obtained with a password are listed and revoked together', async (t) => {
  const app = await emptied();
  const john = await createUser(app);
  const client = await signedInClient(app, john);
  const programs = [await ApiProgram.of(app, john), await ApiProgram.of(app, john)];
  await client.post('/api-tokens', FIELDS);
  await ApiProgram.of(app, john);
  t.match(
    (await client.get('/api-tokens')).body,
    /nightly[\s\S]*Created with your password/,
    'named ones first',
  );
  const page = await client.follow(await client.post('/api-tokens/revoke-unnamed'));
  t.same(messagesOf(page), ['The tokens have been revoked.']);
  t.match(page.body, 'nightly');
  for (const program of programs) t.equal((await program.get('/posts/')).statusCode, 401);
  const events = await eventsOn(app, john);
  await client.post('/api-tokens/revoke-unnamed');
  const made = events.filter((event) => event.startsWith('token-made'));
  t.same([made.length, events.at(-1)], [4, 'token-revoked by john']);
  t.same(await eventsOn(app, john), events, 'there were none left');
});

t.test('an invalid form is shown again with its errors', async (t) => {
  const app = await emptied();
  const client = await signedInClient(app, await createUser(app));
  const wrong = await client.post('/api-tokens', { name: ' ', scope: 'all', lifetime: '1000' });
  t.equal(wrong.statusCode, 422);
  t.same(errorsOf(wrong), {
    name: 'This field is required.',
    scope: 'Invalid value.',
    lifetime: 'Invalid value.',
  });
});

t.test('an account can only have 50 named tokens', async (t) => {
  const app = await emptied();
  const john = await createUser(app);
  const client = await signedInClient(app, john);
  for (let number = 1; number <= MAX_NAMED_TOKENS; number += 1) {
    t.equal((await client.post('/api-tokens', FIELDS)).statusCode, 200);
  }
  await issueToken(app.db, john);
  const refused = await client.post('/api-tokens', FIELDS);
  t.equal(refused.statusCode, 422);
  t.match(errorsOf(refused), { name: /You already have 50 tokens/ });
  const another = await signedInClient(app, await createUser(app, { username: 'susan' }));
  t.equal((await another.post('/api-tokens', FIELDS)).statusCode, 200, 'which leaves others theirs');
});

t.test('a visitor is asked to log in', async (t) => {
  const app = await emptied();
  t.equal((await new Client(app).get('/api-tokens')).headers.location, '/auth/login?next=%2Fapi-tokens');
});

t.test('the API documentation is public, and has every operation and the site’s own address', async (t) => {
  const app = await build(t, { BASE_URL: 'https://blog.example' });
  const { statusCode, headers, body } = await new Client(app).get('/api/v1/docs');
  t.equal(statusCode, 200);
  t.match(headers['content-type'], 'text/html');
  t.match(body, 'https://blog.example/api/v1/tokens/');
  for (const operation of [
    'issueToken',
    'publishPost',
    'editPost',
    'publishComment',
    'listTimeline',
    'getUser',
  ]) {
    t.match(body, `id="${operation}"`);
  }
  for (const name of ['Post', 'Comment', 'User', 'Error']) t.match(body, `id="schema-${name}"`);
  t.notMatch(body, /undefined|\[object Object\]/);
});
