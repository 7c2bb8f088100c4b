import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import t from 'tap';
import { buildApp } from '../../../src/app.ts';
import session, { sessionOf } from '../../../src/plugins/web/session.ts';
import { build, buildShared, testConfig } from '../../support/build.ts';
import { Client, messagesOf } from '../../support/client.ts';
import { createDatabase } from '../../support/database.ts';
import { createUser, PASSWORD, signedInClient } from '../../support/factories.ts';

const emptied = await buildShared(t);

const HOUR = 60 * 60;

t.test('the cookie is hidden from scripts and other sites, and ends with the browser', async (t) => {
  const app = await emptied();
  const { email } = await createUser(app);
  const { cookies } = await new Client(app).post('/auth/login', { email, password: PASSWORD });
  t.match(cookies, [{ name: 'session', httpOnly: true, sameSite: 'Lax', path: '/' }]);
  t.notHas(cookies[0], 'maxAge');
  t.notHas(cookies[0], 'secure');
  t.match(cookies[0]?.value, /^[\w-]{43}$/);
});

t.test('on https the cookie is Secure and bound to the host', async (t) => {
  const app = await build(t, { BASE_URL: 'https://blog.example' });
  const { email } = await createUser(app);
  const { cookies } = await new Client(app).post('/auth/login', { email, password: PASSWORD });
  t.match(cookies, [{ name: '__Host-session', secure: true, httpOnly: true, path: '/' }]);
});

t.test('a remembered session lasts 30 days, in the browser and on the server', async (t) => {
  const app = await emptied();
  const { email } = await createUser(app);
  const { cookies } = await new Client(app).post('/auth/login', {
    email,
    password: PASSWORD,
    remember_me: 'y',
  });
  t.match(cookies, [{ maxAge: 30 * 24 * HOUR }]);
  t.equal(await hoursLeft(app), 30 * 24);
});

t.test('only a hash of the token is stored', async (t) => {
  const app = await emptied();
  const client = await signedInClient(app, await createUser(app));
  const token = client.cookies.get('session') ?? '';
  const { rows } = await sql`select sessions::text as row from sessions`.execute(app.db);
  t.equal(rows.length, 1);
  t.notOk(JSON.stringify(rows).includes(token));
  t.notOk(JSON.stringify(rows).includes(Buffer.from(token).toString('hex')));
});

t.test('logging in replaces the token, and the old one stops working', async (t) => {
  const app = await emptied();
  const user = await createUser(app);
  const client = await signedInClient(app, user);
  const before = client.cookies.get('session') ?? '';
  await client.post('/auth/login', { email: user.email, password: PASSWORD });
  t.not(client.cookies.get('session'), before);
  const page = await app.inject({ url: '/', cookies: { session: before } });
  t.match(page.body, 'Hello, Stranger!');
});

t.test('a session unused for 24 hours is over', async (t) => {
  const app = await emptied();
  const client = await signedInClient(app, await createUser(app));
  t.equal(await hoursLeft(app), 24);
  await sql`update sessions set expires_at = now() - interval '1 second'`.execute(app.db);
  t.match((await client.get('/')).body, 'Hello, Stranger!');
});

t.test('a visit extends the session, but does not write each time', async (t) => {
  const app = await emptied();
  const client = await signedInClient(app, await createUser(app));
  const susan = await createUser(app, { username: 'susan' });
  await signedInClient(app, susan);

  await sql`update sessions set expires_at = now() + interval '23 hours 20 minutes'`.execute(app.db);
  await client.get('/');
  t.equal(await hoursLeft(app), 23, 'last visit within the hour: unchanged');

  await sql`update sessions set expires_at = now() + interval '2 hours'`.execute(app.db);
  await client.get('/');
  t.equal(await hoursLeft(app), 24, 'last visit long ago: renewed');
  t.equal(await hoursLeft(app, susan), 2, 'hers is not');
});

t.test('renewing a remembered session renews its cookie', async (t) => {
  const app = await emptied();
  const { email } = await createUser(app);
  const client = new Client(app);
  await client.post('/auth/login', { email, password: PASSWORD, remember_me: 'y' });
  await sql`update sessions set expires_at = now() + interval '3 days'`.execute(app.db);
  t.match((await client.get('/')).cookies, [{ name: 'session', maxAge: 30 * 24 * HOUR }]);
  t.same((await client.get('/')).cookies, []);
});

t.test('a message is shown once, on the next page', async (t) => {
  const app = await emptied();
  const client = await signedInClient(app, await createUser(app));
  const page = await client.follow(await client.post('/auth/logout'));
  t.same(messagesOf(page), ['You have been logged out.']);
  t.same(messagesOf(await client.get('/')), []);
});

t.test('an anonymous GET creates no session, whatever it requests', async (t) => {
  const app = await emptied();
  for (const url of [
    ...['/followers/nobody', '/followed-by/nobody', '/user/nobody', '/post/1', '/unsubscribe/x'],
    ...['/auth/confirm/x', '/auth/change-email/x', '/auth/reset/x', '/your-data/x'],
  ]) {
    for (const cookies of [{}, { session: 'nonsense' }]) {
      const response = await app.inject({ url, cookies });
      t.equal(response.statusCode, 404, url);
      t.notHas(response.headers, 'set-cookie', url);
    }
  }
  t.same(await app.db.selectFrom('sessions').select('user_id').execute(), []);
});

t.test('a GET route that would start a session fails, so that its test fails', async (t) => {
  const app = buildApp(testConfig({ DATABASE_URL: await createDatabase(t) }));
  t.teardown(() => app.close());
  app.register(async (scope) => {
    await scope.register(session);
    for (const method of ['GET', 'POST'] as const) {
      scope.route({
        method,
        url: '/leave',
        handler: async (request) => {
          await sessionOf(request).flash('Hello');
          return '';
        },
      });
    }
  });
  t.equal((await app.inject('/leave')).statusCode, 500);
  t.equal((await app.inject({ method: 'POST', url: '/leave' })).statusCode, 200);
});

t.test('only the newest unread messages are kept', async (t) => {
  const app = await emptied();
  const client = await signedInClient(app, await createUser(app));
  const other = await signedInClient(app, await createUser(app, { username: 'olga' }));
  await other.post('/follow/john');
  for (const name of ['susan', 'mary', 'paul', 'anna', 'carl', 'ruth', 'hugo']) {
    await createUser(app, { username: name });
    await client.post(`/follow/${name}`);
  }
  t.same(
    messagesOf(await client.get('/')),
    ['paul', 'anna', 'carl', 'ruth', 'hugo'].map((name) => `You are now following ${name}.`),
  );
  t.same(messagesOf(await client.get('/')), []);
  t.same(messagesOf(await other.get('/')), ['You are now following john.'], 'others keep theirs');
});

t.test('an unknown cookie means a visitor, not an error', async (t) => {
  const app = await emptied();
  for (const session of ['', 'x', 'x'.repeat(4000), '%00', '"']) {
    t.equal((await app.inject({ url: '/', cookies: { session } })).statusCode, 200);
  }
});

/** Of a person's session; by default, of the first account's. */
async function hoursLeft({ db }: FastifyInstance, { id } = { id: 1 }): Promise<number> {
  const { rows } = await sql<{ hours: number }>`
    select round(extract(epoch from expires_at - now()) / 3600)::int as hours from sessions where user_id = ${id}
  `.execute(db);
  return rows[0]?.hours ?? 0;
}
