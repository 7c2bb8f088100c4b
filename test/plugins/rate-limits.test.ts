import t from 'tap';
import { build } from '../support/build.ts';
import { Client } from '../support/client.ts';
import { createUser, PASSWORD } from '../support/factories.ts';

const refusal = { code: 'too-many-requests' };
const wide = { points: 1000, seconds: 60 };
const narrow = { points: 2, seconds: 60 };

function limits(login: { account: typeof wide; address: typeof wide }) {
  const others = { account: wide, address: wide };
  return {
    config: { rateLimits: { login, register: others, resend: others, reset: others, changeEmail: others } },
  };
}

t.test(
  'wrong log-ins are limited by account, over all web processes, with a page that says how long',
  async (t) => {
    const one = await build(t, {}, limits({ account: narrow, address: wide }));
    const two = await build(
      t,
      { DATABASE_URL: one.config.databaseUrl },
      limits({ account: narrow, address: wide }),
    );
    const guess = (app: typeof one) =>
      new Client(app).post('/auth/login', { email: 'John@example.com', password: 'guess' });

    t.equal((await guess(one)).statusCode, 422);
    t.equal((await guess(two)).statusCode, 422);
    const refused = await guess(one);
    t.equal(refused.statusCode, 429);
    t.match(refused.body, /Too many attempts\. Try again in \d+ (seconds|minute)/);
    t.ok(Number(refused.headers['retry-after']) > 0 && Number(refused.headers['retry-after']) <= 60);

    const other = await new Client(two).post('/auth/login', {
      email: 'susan@example.com',
      password: 'guess',
    });
    t.equal(other.statusCode, 422, 'another account is not held up');
  },
);

t.test('a rightful log-in forgives the guesses before it', async (t) => {
  const app = await build(t, {}, limits({ account: narrow, address: narrow }));
  const { email } = await createUser(app);
  for (let round = 0; round < 4; round += 1) {
    const response = await new Client(app).post('/auth/login', { email, password: PASSWORD });
    t.equal(response.statusCode, 303);
  }
});

t.test('an address is limited over all accounts, and a whole IPv6 /64 is one address', async (t) => {
  const { rateLimits } = await build(t, {}, limits({ account: wide, address: narrow }));
  const from = (address: string) =>
    rateLimits.consume('login', { account: `${address}@example.com`, address });
  await from('2001:db8::1');
  await from('2001:db8::2');
  await t.rejects(from('2001:db8::ffff'), refusal);
  await from('2001:db8:0:1::1');
  await from('192.0.2.1');
  await from('::ffff:192.0.2.1');
  await t.rejects(from('192.0.2.1'), refusal, 'a mapped IPv4 address is that address');
});

t.test('RATE_LIMITS=off lifts them', async (t) => {
  const app = await build(t, { RATE_LIMITS: 'off' }, limits({ account: narrow, address: narrow }));
  for (let round = 0; round < 4; round += 1) {
    const response = await new Client(app).post('/auth/login', {
      email: 'john@example.com',
      password: 'guess',
    });
    t.equal(response.statusCode, 422);
  }
});
