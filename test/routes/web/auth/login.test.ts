import t from 'tap';
import { build, buildShared } from '../../../support/build.ts';
import { Client, errorsOf, messagesOf, warningsOf } from '../../../support/client.ts';
import { countVerifications, createUser, PASSWORD, signedInClient } from '../../../support/factories.ts';
import { withLimits } from '../../../support/limits.ts';

const emptied = await buildShared(t);

t.test('the email ignores case, the password does not', async (t) => {
  const app = await emptied();
  await createUser(app, { email: 'john@example.com' });
  const logIn = (email: string, password: string) => new Client(app).post('/auth/login', { email, password });

  const right = await logIn(' John@Example.COM ', PASSWORD);
  t.equal(right.statusCode, 303);
  t.equal(right.headers.location, '/');

  for (const [email, password] of [
    ['john@example.com', PASSWORD.toUpperCase()],
    ['john@example.com', ` ${PASSWORD}`],
    ['nobody@example.com', PASSWORD],
  ] as const) {
    const wrong = await logIn(email, password);
    t.equal(wrong.statusCode, 422);
    t.same(errorsOf(wrong), { password: 'Invalid email or password.' });
    t.notMatch(wrong.body, PASSWORD);
  }
});

t.test('an address logs in its owner, and the newest account that has not confirmed it', async (t) => {
  const app = await emptied();
  const email = 'shared@example.com';
  const people = [
    { username: 'early', password: 'the first password', isConfirmed: false },
    { username: 'owner', password: 'the second password', isConfirmed: true },
    { username: 'late', password: 'the third password', isConfirmed: false },
  ];
  for (const { username, password, isConfirmed } of people) {
    const { id } = await createUser(app, { username, email, isConfirmed });
    const hash = await app.passwords.hash(password);
    await app.db.updateTable('users').set({ password_hash: hash }).where('id', '=', id).execute();
  }
  const [asEarly, asOwner, asLate] = await Promise.all(
    people.map(async ({ password }) => {
      const client = new Client(app);
      return client.follow(await client.post('/auth/login', { email, password }));
    }),
  );
  t.equal(asEarly?.statusCode, 422);
  t.match(asOwner?.body, 'Hello, owner!');
  t.match(asLate?.body, 'Hello, late!');
});

t.test('two hashes are verified, whatever accounts the address has', async (t) => {
  const app = await emptied();
  await createUser(app, { email: 'owner@example.com' });
  await createUser(app, { username: 'a', email: 'unconfirmed@example.com', isConfirmed: false });
  await createUser(app, { username: 'b', email: 'both@example.com' });
  await createUser(app, { username: 'c', email: 'both@example.com', isConfirmed: false });
  const verifications = countVerifications(app);
  for (const name of ['owner', 'unconfirmed', 'both', 'nobody']) {
    const before = verifications();
    const email = `${name}@example.com`;
    const answer = await new Client(app).post('/auth/login', { email, password: 'a wrong password' });
    t.equal(answer.statusCode, 422);
    t.equal(verifications() - before, 2, name);
  }
});

t.test('registering with an address gives no additional attempts at its owner’s password', async (t) => {
  const app = await build(t, {}, withLimits({ login: 4 }));
  await createUser(app, { username: 'owner', email: 'taken@example.com' });
  for (const email of ['taken@example.com', 'free@example.com']) {
    await createUser(app, { username: email.replace('@', '.'), email, isConfirmed: false });
    await app.db
      .updateTable('users')
      .set({ password_hash: await app.passwords.hash('what the owner chose') })
      .where('confirmed_at', 'is not', null)
      .execute();
    const statuses = [];
    for (const password of ['guess', 'guess', PASSWORD, 'guess', 'guess']) {
      statuses.push((await new Client(app).post('/auth/login', { email, password })).statusCode);
    }
    t.same(statuses, [422, 422, 303, 422, 429], email);
  }
});

t.test('a visitor of a signed-in page is sent to log in, told why, and brought back', async (t) => {
  const app = await emptied();
  const { email } = await createUser(app, { isConfirmed: false });
  const client = new Client(app);

  const refused = await client.get('/auth/unconfirmed');
  t.equal(refused.headers.location, '/auth/login?next=%2Fauth%2Funconfirmed');
  const long = await client.get(`/auth/unconfirmed?${'é'.repeat(4_000)}`);
  t.equal(long.headers.location, '/auth/login', 'without an address that proxies would refuse');
  const page = await client.follow(refused);
  t.same(warningsOf(page), ['Please log in first.']);
  t.match(page.body, 'action="/auth/login?next=%2Fauth%2Funconfirmed"');

  const back = await client.post('/auth/login?next=%2Fauth%2Funconfirmed', { email, password: PASSWORD });
  t.equal(back.headers.location, '/auth/unconfirmed');
});

t.test('next only leads to pages of this site', async (t) => {
  const app = await emptied();
  const { email } = await createUser(app);
  const elsewhere = [
    '//evil.example',
    '/\\evil.example',
    '\\\\evil.example',
    'https://evil.example',
    'javascript:alert(1)',
    '/\t/evil.example',
    '/\n/evil.example',
    'evil.example',
    '',
    '/&next=//evil.example',
  ];
  for (const next of elsewhere) {
    const url = `/auth/login?next=${next.includes('&') ? next : encodeURIComponent(next)}`;
    const { headers } = await new Client(app).post(url, { email, password: PASSWORD });
    t.equal(headers.location, '/', next);
  }
  const { headers } = await new Client(app).post('/auth/login?next=%2Fuser%2Fjohn%3Fpage%3D2', {
    email,
    password: PASSWORD,
  });
  t.equal(headers.location, '/user/john?page=2');
});

t.test('logging out is a POST and ends the session on the server, only on this device', async (t) => {
  const app = await emptied();
  const user = await createUser(app);
  const [here, there] = [await signedInClient(app, user), await signedInClient(app, user)];
  const token = here.cookies.get('session') ?? '';

  t.equal((await here.get('/auth/logout')).statusCode, 404);
  const page = await here.follow(await here.post('/auth/logout'));
  t.same(messagesOf(page), ['You have been logged out.']);
  t.match(page.body, 'Hello, Stranger!');
  t.match((await app.inject({ url: '/', cookies: { session: token } })).body, 'Hello, Stranger!');
  t.match((await there.get('/')).body, 'Hello, john!');
});

t.test('an invalid form keeps its values and ticked boxes', async (t) => {
  const app = await emptied();
  const page = await new Client(app).post('/auth/login', {
    email: 'john@example.com',
    password: '',
    remember_me: 'y',
  });
  t.equal(page.statusCode, 422);
  t.same(errorsOf(page), { password: 'This field is required.' });
  t.match(page.body, 'value="john@example.com"');
  t.match(page.body, /value="y" checked/);
});
