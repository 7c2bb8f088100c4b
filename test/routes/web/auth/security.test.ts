import { sql } from 'kysely';
import t from 'tap';
import { buildShared } from '../../../support/build.ts';
import { Client, messagesOf } from '../../../support/client.ts';
import { eventsOn } from '../../../support/events.ts';
import { createUser, PASSWORD } from '../../../support/factories.ts';

const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0';
const SAFARI =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1';

const emptied = await buildShared(t);

async function setUp() {
  const app = await emptied();
  const john = await createUser(app);
  const logIn = async (userAgent: string, remoteAddress: string, email = john.email) => {
    const client = new Client(app, { remoteAddress, headers: { 'user-agent': userAgent } });
    await client.post('/auth/login', { email, password: PASSWORD });
    return client;
  };
  const isSignedIn = async (client: Client) => !(await client.get('/')).body.includes('Hello, Stranger!');
  return { app, john, logIn, isSignedIn };
}

t.test('people see where they are logged in, and log out a browser or all others', async (t) => {
  const { app, john, logIn, isSignedIn } = await setUp();
  const laptop = await logIn(FIREFOX, '192.0.2.1');
  const phone = await logIn(SAFARI, '2001:db8::1');
  const program = await logIn(`\u0001${'x'.repeat(1_000)}`, '192.0.2.3');

  const { body } = await laptop.get('/auth/security');
  t.match(body, '<strong>Firefox on Linux</strong>, this browser');
  t.match(body, '<strong>Safari on iOS</strong>');
  t.match(body, 'From 192.0.2.1.');
  t.match(body, 'From 2001:db8::1.');
  t.equal([...body.matchAll(/\/auth\/sessions\/[0-9a-f]{64}\/end/g)].length, 2, 'not the browser itself');

  const [, action = ''] = /Safari on iOS[\s\S]*?action="([^"]+)"/.exec(body) ?? [];
  const susan = await createUser(app, { username: 'susan' });
  const stranger = await logIn(FIREFOX, '192.0.2.9', susan.email);
  t.equal((await stranger.post(action)).statusCode, 404, 'not someone else’s');
  t.equal(await isSignedIn(phone), true);
  t.same(messagesOf(await laptop.follow(await laptop.post(action))), ['That browser has been logged out.']);
  t.equal(await isSignedIn(phone), false);
  t.equal((await laptop.post(action)).statusCode, 404);
  t.equal((await laptop.post('/auth/sessions/x/end')).statusCode, 404);

  const page = await laptop.follow(await laptop.post('/auth/sessions/end-others'));
  t.same(messagesOf(page), ['You have been logged out everywhere else.']);
  t.notMatch(page.body, 'Log out everywhere else');
  t.same(
    [await isSignedIn(laptop), await isSignedIn(program), await isSignedIn(stranger)],
    [true, false, true],
  );
  t.match((await laptop.get('/auth/activity')).body, 'Logged out elsewhere');
  await laptop.post('/auth/sessions/end-others');
  const ended = (await eventsOn(app, john)).filter((event) => event.startsWith('sessions-ended'));
  t.equal(ended.length, 2, 'nothing is recorded if there are no others');
});

t.test('a session has the time and place of its last visit, to the minute', async (t) => {
  const { app, john, logIn } = await setUp();
  const phone = await logIn(SAFARI, '192.0.2.1');
  await logIn(FIREFOX, '192.0.2.2');
  const seen = async () => {
    const { rows } = await sql<{ address: string; isNow: boolean }>`
      select address, last_seen_at > now() - interval '1 minute' as "isNow" from sessions where user_id = ${john.id}
      order by created_at
    `.execute(app.db);
    return rows;
  };
  await sql`update sessions set last_seen_at = now() - interval '1 hour'`.execute(app.db);
  await phone.get('/', { remoteAddress: '192.0.2.7' });
  t.same(await seen(), [
    { address: '192.0.2.7', isNow: true },
    { address: '192.0.2.2', isNow: false },
  ]);
  await phone.get('/', { remoteAddress: '192.0.2.8' });
  t.match(await seen(), [{ address: '192.0.2.7' }], 'written at most once a minute');
  const { body } = await phone.get('/auth/security');
  t.match(body, /Safari on iOS[\s\S]*Firefox on Linux/, 'the most recently used first');
});

t.test('a session ends after 90 days, however often it is used', async (t) => {
  const { app, logIn, isSignedIn } = await setUp();
  const [laptop, phone] = [await logIn(FIREFOX, '192.0.2.1'), await logIn(SAFARI, '192.0.2.2')];
  const age = (days: number) =>
    sql`update sessions set created_at = now() - make_interval(days => ${days}) where user_agent = ${FIREFOX}`.execute(
      app.db,
    );
  await age(89);
  t.equal(await isSignedIn(laptop), true);
  await age(91);
  t.notMatch((await phone.get('/auth/security')).body, 'Firefox', 'it is no longer listed');
  t.equal(await isSignedIn(laptop), false);
});
