import { sql } from 'kysely';
import t from 'tap';
import { mailQueue } from '../../../../src/queues.ts';
import { build } from '../../../support/build.ts';
import { Client, messagesOf } from '../../../support/client.ts';
import { createUser, mintToken, signedInClient } from '../../../support/factories.ts';
import { jobsOf } from '../../../support/jobs.ts';
import { writePosts } from '../../../support/writing.ts';

const THANKS = 'You have confirmed your account. Thanks!';
const INVALID = 'The confirmation link is invalid or has expired.';

async function setUp(t: Parameters<typeof build>[0]) {
  const app = await build(t);
  const user = await createUser(app, { isConfirmed: false });
  const token = await mintToken(app, user.id, 'confirm-account');
  const isConfirmed = async () => {
    const row = await app.db
      .selectFrom('users')
      .select('confirmed_at')
      .where('id', '=', user.id)
      .executeTakeFirst();
    return row?.confirmed_at instanceof Date;
  };
  return { app, user, token, isConfirmed };
}

t.test('opening the link only asks, however often; its button confirms', async (t) => {
  const { app, user, token, isConfirmed } = await setUp(t);
  const scanner = new Client(app);
  for (let opened = 0; opened < 3; opened += 1) {
    t.equal((await scanner.get(`/auth/confirm/${token}`)).statusCode, 200);
  }
  t.notOk(await isConfirmed());

  const client = await signedInClient(app, user);
  const response = await client.post(`/auth/confirm/${token}`);
  t.equal(response.statusCode, 303);
  t.same(messagesOf(await client.follow(response)), [THANKS]);
  t.ok(await isConfirmed());
});

t.test('the link works on a device where nobody is signed in', async (t) => {
  const { app, token, isConfirmed } = await setUp(t);
  const client = new Client(app);
  t.same(messagesOf(await client.follow(await client.post(`/auth/confirm/${token}`))), [THANKS]);
  t.ok(await isConfirmed());
});

t.test('a link is used once, also by two at the same instant', async (t) => {
  const { app, token } = await setUp(t);
  const clients = [new Client(app), new Client(app), new Client(app)];
  const pages = await Promise.all(
    clients.map(async (client) => client.follow(await client.post(`/auth/confirm/${token}`))),
  );
  t.same(pages.flatMap(messagesOf).sort(), [INVALID, INVALID, THANKS]);
});

t.test('a link that is old, for something else, or made up confirms nothing', async (t) => {
  const { app, user, token, isConfirmed } = await setUp(t);
  const client = await signedInClient(app, user);

  await sql`update mailed_tokens set expires_at = now()`.execute(app.db);
  for (const wrong of [token, 'x', 'x'.repeat(43), '..%2f..']) {
    const asked = await client.get(`/auth/confirm/${wrong}`);
    t.equal(asked.statusCode, 404, wrong);
    t.match(asked.body, INVALID, wrong);
    t.same(messagesOf(await client.follow(await client.post(`/auth/confirm/${wrong}`))), [INVALID], wrong);
  }

  await sql`update mailed_tokens set expires_at = now() + interval '1 hour', purpose = 'other'`.execute(
    app.db,
  );
  t.same(messagesOf(await client.follow(await client.post(`/auth/confirm/${token}`))), [INVALID]);
  t.notOk(await isConfirmed());
});

t.test(
  'an account that is not confirmed reads what a stranger may, and is told how to do more',
  async (t) => {
    const { app, user } = await setUp(t);
    const client = await signedInClient(app, user);
    const author = await createUser(app, { username: 'susan' });
    const [postId = 0] = await writePosts(app, author);
    for (const url of ['/', `/post/${postId}`, '/user/susan', '/followers/susan']) {
      const page = await client.get(url);
      t.equal(page.statusCode, 200, url);
      t.notMatch(page.body, /<textarea|action="\/follow/, `${url} offers nothing that is refused`);
    }
    t.match((await client.get('/')).body, 'href="/auth/unconfirmed"');
    t.match((await client.get(`/post/${postId}`)).body, 'href="/auth/unconfirmed"');
    for (const url of [
      '/',
      `/post/${postId}`,
      '/follow/susan',
      '/edit-profile',
      '/api-tokens',
      '/your-data',
    ]) {
      const refused = await client.post(url, { body: 'x' });
      t.equal(refused.headers.location, '/auth/unconfirmed', url);
    }
    const page = await client.get('/auth/unconfirmed');
    t.equal(page.statusCode, 200);
    t.match(page.body, 'john@example.com');
  },
);

t.test('a new link is mailed on request, and the old one still works', async (t) => {
  const { app, user, token } = await setUp(t);
  const client = await signedInClient(app, user);
  t.equal((await client.get('/auth/confirm')).statusCode, 404, 'a GET changes nothing');

  const page = await client.follow(await client.post('/auth/confirm'));
  t.same(messagesOf(page), ['A new confirmation email has been sent to you by email.']);
  t.match(await jobsOf(app, mailQueue), [{ data: { template: 'confirm-account', userId: user.id } }]);
  t.equal((await client.get(`/auth/confirm/${token}`)).statusCode, 200);
});

t.test('who is confirmed already has nothing to confirm', async (t) => {
  const app = await build(t);
  const client = await signedInClient(app, await createUser(app));
  t.equal((await client.get('/auth/unconfirmed')).headers.location, '/');
  t.equal((await client.post('/auth/confirm')).headers.location, '/');
  t.same(await jobsOf(app, mailQueue), []);
});
