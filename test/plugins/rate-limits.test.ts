import t from 'tap';
import { build } from '../support/build.ts';
import { Client } from '../support/client.ts';
import { createUser, PASSWORD } from '../support/factories.ts';
import { WIDE, withLimits } from '../support/limits.ts';

const refusal = { code: 'too-many-requests' };
const narrow = { points: 2, seconds: 60 };
const HERE = '192.0.2.1';

t.test(
  'failed log-ins are limited per account across all web processes, with a page that says how long to wait',
  async (t) => {
    const limits = withLimits({ login: { account: narrow, address: WIDE } });
    const one = await build(t, {}, limits);
    const two = await build(t, { DATABASE_URL: one.config.databaseUrl }, limits);
    const guess = (app: typeof one, email = 'John@example.com') =>
      new Client(app).post('/auth/login', { email, password: 'guess' });

    t.equal((await guess(one)).statusCode, 422);
    t.equal((await guess(two)).statusCode, 422);
    const refused = await guess(one, 'john@EXAMPLE.com');
    t.equal(refused.statusCode, 429);
    t.match(refused.body, /Too many attempts\. Try again in \d+ (seconds|minute)/);
    t.ok(Number(refused.headers['retry-after']) > 0 && Number(refused.headers['retry-after']) <= 60);

    t.equal((await guess(two, 'susan@example.com')).statusCode, 422, 'another account is not affected');
  },
);

t.test('a successful log-in resets the count of failed ones', async (t) => {
  const app = await build(t, {}, withLimits({ login: { account: narrow, address: narrow } }));
  const { email } = await createUser(app);
  for (let round = 0; round < 4; round += 1) {
    const response = await new Client(app).post('/auth/login', { email, password: PASSWORD });
    t.equal(response.statusCode, 303);
  }
});

t.test('an account has one limit, however its address is spelled', async (t) => {
  const app = await build(t, {}, withLimits({ login: { account: narrow, address: WIDE } }));
  const { email } = await createUser(app, { username: 'virginia' });
  for (const spelling of [email.toUpperCase(), 'Virginia@Example.com', 'vİrginia@example.com']) {
    await new Client(app).post('/auth/login', { email: spelling, password: 'guess' });
  }
  t.equal((await new Client(app).post('/auth/login', { email, password: PASSWORD })).statusCode, 429);
});

t.test('guessing does not lock the owner out', async (t) => {
  const app = await build(t, {}, withLimits({ login: { account: narrow, address: WIDE } }));
  const { email } = await createUser(app);
  const guess = (remoteAddress: string, password: string) =>
    new Client(app, { remoteAddress }).post('/auth/login', { email, password });
  for (let number = 0; number < 5; number += 1) await guess('2001:db8::1', 'guess');
  t.equal((await guess('2001:db8::2', PASSWORD)).statusCode, 429, 'the stranger');
  t.equal((await guess(HERE, PASSWORD)).statusCode, 303, 'the owner');
});

t.test('guesses from many addresses leave a known browser its own attempts', async (t) => {
  const { config } = withLimits({ login: { account: narrow, address: WIDE } });
  const { rateLimits } = await build(
    t,
    {},
    { config: { ...config, loginFromAnywhere: { points: 5, seconds: 60 } } },
  );
  const from = (address: string, device?: string) =>
    rateLimits.consume('login', { account: 1, address, device });
  for (let number = 1; number <= 5; number += 1) await from(`192.0.2.${number}`);
  await t.rejects(from('192.0.2.6'), refusal, 'an account has a limit across all IP addresses');

  await from('192.0.2.1', 'laptop');
  await from(HERE, 'laptop');
  await t.rejects(from(HERE, 'laptop'), refusal, 'a known browser has its own limit');
  await from(HERE, 'phone');
  await t.rejects(from(HERE, 'laptop'), refusal, 'its own');
  await rateLimits.forgive('login', { account: 1, address: HERE, device: 'laptop' });
  await from(HERE, 'laptop');
});

t.test('one IP address uses up only a small part of an account’s limit', async (t) => {
  const { config } = withLimits({ login: { account: narrow, address: WIDE } });
  const { rateLimits } = await build(
    t,
    {},
    { config: { ...config, loginFromAnywhere: { points: 3, seconds: 60 } } },
  );
  const from = (address: string) => rateLimits.consume('login', { account: 1, address });
  for (let number = 0; number < 10; number += 1) await from('192.0.2.9').catch(() => {});
  await from(HERE);
});

t.test('an IP address is limited across all accounts, and an IPv6 /64 counts as one', async (t) => {
  const { rateLimits } = await build(t, {}, withLimits({ login: { account: WIDE, address: narrow } }));
  const from = (address: string) =>
    rateLimits.consume('login', { account: `${address}@example.com`, address });
  await from('2001:db8::1');
  await from('2001:db8::2');
  await t.rejects(from('2001:db8::ffff'), refusal);
  await from('2001:db8:0:1::1');
  await from(HERE);
  await from(`::ffff:${HERE}`);
  await t.rejects(from(HERE), refusal, 'a mapped IPv4 address counts as the IPv4 address');
});

t.test('invalid addresses are counted together', async (t) => {
  const { rateLimits } = await build(t, {}, withLimits({ login: { account: WIDE, address: narrow } }));
  const from = (address: string) => rateLimits.consume('login', { account: 1, address });
  await from('garbage');
  await from('');
  await t.rejects(from('1.2.3.4:5678'), refusal);
  await from('fe80::1%eth0');
});

t.test('a new account has a tenth of the limit, and at least one', async (t) => {
  const perMinute = (points: number) => ({ account: { points, seconds: 60 }, address: narrow });
  const limits = withLimits({
    post: { ...perMinute(25), address: WIDE },
    export: { ...perMinute(3), address: WIDE },
  });
  const { rateLimits } = await build(t, {}, limits);
  const act = (action: 'post' | 'export') =>
    rateLimits.consume(action, { account: 1, address: HERE, isNew: true });
  await act('post');
  await act('post');
  await t.rejects(act('post'), refusal);
  await act('export');
  await t.rejects(act('export'), refusal);
});

t.test('RATE_LIMITS=off turns limits off', async (t) => {
  const app = await build(
    t,
    { RATE_LIMITS: 'off' },
    withLimits({ login: { account: narrow, address: narrow } }),
  );
  for (let round = 0; round < 4; round += 1) {
    const response = await new Client(app).post('/auth/login', {
      email: 'john@example.com',
      password: 'guess',
    });
    t.equal(response.statusCode, 422);
  }
});
