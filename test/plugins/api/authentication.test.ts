import t from 'tap';
import { changePassword } from '../../../src/domain/accounts/change-password.ts';
import { issueToken } from '../../../src/domain/api-tokens/issue.ts';
import { revokeToken } from '../../../src/domain/api-tokens/revoke.ts';
import { hashToken } from '../../../src/domain/token.ts';
import { ApiProgram, basic, issueTestToken } from '../../support/api.ts';
import { build, buildShared } from '../../support/build.ts';
import { countVerifications, createUser, PASSWORD } from '../../support/factories.ts';
import { withLimits } from '../../support/limits.ts';
import { waitFor } from '../../support/wait-for.ts';

const emptied = await buildShared(t);

/** A hash takes some milliseconds: longer than a request takes to come to it. */
const SLOW_HASHING = { config: { passwordHashing: { memoryKiB: 8 * 1024, passes: 1 } } };

t.test('a token works as a bearer token and as a user name, without hashing', async (t) => {
  const app = await emptied();
  const john = await createUser(app);
  const verifications = countVerifications(app);
  const token = await issueToken(app.db, john);
  for (const authorization of [`Bearer ${token}`, `bearer  ${token} `, basic(token, '')]) {
    const response = await new ApiProgram(app, authorization).get('/posts/');
    t.equal(response.statusCode, 200, authorization);
  }
  t.equal(verifications(), 0);
});

t.test('invalid credentials are refused, with the accepted schemes', async (t) => {
  const app = await emptied();
  const john = await createUser(app);
  const { email } = john;
  const token = await issueToken(app.db, john);
  for (const authorization of [
    undefined,
    '',
    'Bearer',
    `Bearer ${token}x`,
    `Bearer ${token} ${token}`,
    `Token ${token}`,
    'Basic',
    'Basic %%%',
    'Basic am9obg==',
    basic(token, 'x'),
    basic(email, ''),
    basic(email, `${PASSWORD} `),
    basic(`${email}\0`, PASSWORD),
    basic('nobody@example.com', PASSWORD),
    basic('é@example.com', '\ud83d'),
  ]) {
    const response = await new ApiProgram(app, authorization).get('/posts/');
    t.equal(response.statusCode, 401, String(authorization));
    t.same(response.json(), { error: 'unauthorized', message: 'Invalid credentials' });
    t.match(String(response.headers['www-authenticate']), /Bearer realm="API".*Basic realm="API"/);
  }
});

t.test('a password costs two hashes, whatever accounts the address has', async (t) => {
  const app = await emptied();
  const { email } = await createUser(app);
  await createUser(app, { username: 'b', email, isConfirmed: false });
  const verifications = countVerifications(app);
  for (const [name, password, status] of [
    [email, PASSWORD, 200],
    [email, 'wrong', 401],
    ['nobody@example.com', 'wrong', 401],
  ] as const) {
    const before = verifications();
    t.equal((await new ApiProgram(app, basic(name, password)).get('/posts/')).statusCode, status);
    t.equal(verifications() - before, 2, `${name} ${password}`);
  }
});

t.test('an expired or revoked token is refused, and tokens are stored as hashes', async (t) => {
  const app = await emptied();
  const john = await createUser(app);
  const token = await issueToken(app.db, john);
  const program = new ApiProgram(app, `Bearer ${token}`);
  const [row] = await app.db.selectFrom('api_tokens').selectAll().execute();
  t.same(row?.token_hash, hashToken(token));
  t.notMatch(JSON.stringify(row), token);
  t.ok(Math.abs(Number(row?.expires_at) - Date.now() - 3_600_000) < 60_000, 'it lasts an hour');

  await app.db
    .updateTable('api_tokens')
    .set({ expires_at: new Date(Date.now() - 1) })
    .execute();
  t.equal((await program.get('/posts/')).statusCode, 401);
  await app.db
    .updateTable('api_tokens')
    .set({ expires_at: new Date(Date.now() + 60_000) })
    .execute();
  t.equal((await program.get('/posts/')).statusCode, 200);
  t.equal(await revokeToken(app.db, john.id + 1, row?.id ?? 0), false, 'nobody else can revoke it');
  t.equal(await revokeToken(app.db, john.id, row?.id ?? 0), true);
  t.equal((await program.get('/posts/')).statusCode, 401);
});

t.test('a read-only token cannot change anything', async (t) => {
  const app = await emptied();
  const program = await ApiProgram.of(app, await createUser(app), 'read');
  t.equal((await program.get('/posts/')).statusCode, 200);
  t.equal((await program.send({ method: 'HEAD', url: '/posts/' })).statusCode, 200);
  for (const refused of [
    await program.post('/posts/', { body: 'x' }),
    await program.put('/posts/1', { body: 'x' }),
    await program.delete('/posts/1'),
    await program.post('/tokens/'),
  ]) {
    t.equal(refused.statusCode, 403);
    t.same(refused.json(), { error: 'forbidden', message: 'Insufficient permissions' });
  }
});

t.test('a role without the permission to write is refused', async (t) => {
  const app = await emptied();
  const john = await createUser(app);
  const program = await ApiProgram.of(app, john);
  await app.db.updateTable('users').set({ confirmed_at: null }).execute();
  t.same((await program.post('/posts/', { body: 'x' })).json().message, 'Unconfirmed account');
});

t.test('a token’s use is recorded at most once a minute', async (t) => {
  const app = await emptied();
  const john = await createUser(app);
  await app.db
    .updateTable('users')
    .set({ last_seen_at: new Date(0) })
    .execute();
  const program = await ApiProgram.of(app, john);
  const lastUse = async () =>
    (await app.db.selectFrom('api_tokens').select('last_used_at').executeTakeFirstOrThrow()).last_used_at;
  t.equal(await lastUse(), null);
  await program.get('/posts/');
  const first = await lastUse();
  t.ok(first);
  const { last_seen_at } = await app.db.selectFrom('users').select('last_seen_at').executeTakeFirstOrThrow();
  t.ok(last_seen_at.getTime() > 0, 'its owner’s browser');
  await program.get('/posts/');
  t.same(await lastUse(), first);
});

t.test('a new password revokes all tokens', async (t) => {
  const app = await emptied();
  const john = await createUser(app);
  const unnamed = await ApiProgram.of(app, john);
  const token = await issueTestToken(app, john, { name: 'backup', scope: 'write' });
  const named = new ApiProgram(app, `Bearer ${token}`);

  t.equal(await changePassword(app, john, { password: 'another password', session: undefined }), true);
  t.equal((await unnamed.get('/posts/')).statusCode, 401);
  t.equal((await named.get('/posts/')).statusCode, 401);
});

t.test(
  'a program that sends many requests at once with its password is not limited as a guesser',
  async (t) => {
    const app = await build(t, {}, SLOW_HASHING);
    const { email } = await createUser(app);
    const verifications = countVerifications(app);
    const program = new ApiProgram(app, basic(email, PASSWORD));
    const statuses = await Promise.all(
      Array.from({ length: 30 }, async () => (await program.get('/posts/')).statusCode),
    );
    t.same(new Set(statuses), new Set([200]));
    t.ok(verifications() < 30, `${verifications()} hashes for 30 requests`);
  },
);

t.test(
  'guessing is limited per account and IP address, even for the right password afterwards',
  async (t) => {
    const app = await build(t, {}, withLimits({ login: { account: limitOf(3), address: limitOf(5) } }));
    const { email } = await createUser(app);
    const guess = (name: string, password: string, remoteAddress: string) =>
      new ApiProgram(app, basic(name, password)).send({ method: 'GET', url: '/posts/', remoteAddress });

    for (let number = 1; number <= 3; number += 1) {
      t.equal((await guess(email, `wrong ${number}`, `2001:db8::${number}`)).statusCode, 401);
    }
    const refused = await guess(email.toUpperCase(), PASSWORD, '2001:db8::9');
    t.equal(refused.statusCode, 429);
    t.equal(refused.json().error, 'too many requests');
    t.ok(Number(refused.headers['retry-after']) > 0);
    t.equal((await guess(email, PASSWORD, '192.0.2.1')).statusCode, 200, 'its owner is on another network');

    for (let number = 1; number <= 5; number += 1) {
      t.equal((await guess(`${number}@example.com`, 'wrong', `2001:db8:1:1::${number}`)).statusCode, 401);
    }
    t.equal(
      (await guess('7@example.com', 'wrong', '2001:db8:1:1:ffff::')).statusCode,
      429,
      'a /64 counts as one',
    );
    t.equal(
      (await guess('8@example.com', 'wrong', '2001:db8:1:2::')).statusCode,
      401,
      'another text differs',
    );
  },
);

const limitOf = (points: number) => ({ points, seconds: 900 });

t.test('a flood of wrong passwords does not delay other requests', async (t) => {
  const app = await build(t, { RATE_LIMITS: 'off' }, SLOW_HASHING);
  const john = await createUser(app);
  const program = await ApiProgram.of(app, john);
  const statuses = new Set<number>();
  let isOver = false;
  t.teardown(() => {
    isOver = true;
  });
  const flood = Array.from({ length: 120 }, async (_, number) => {
    const guesser = new ApiProgram(app, basic(john.email, `wrong ${number}`));
    do statuses.add((await guesser.get('/posts/')).statusCode);
    while (!isOver);
  });
  await waitFor(() => statuses.has(503), 'those beyond what can be hashed soon are sent away');
  for (let number = 0; number < 5; number += 1) {
    t.equal((await program.get('/posts/')).statusCode, 200);
  }
  isOver = true;
  await Promise.all(flood);
  t.same(statuses, new Set([401, 503]));
});
