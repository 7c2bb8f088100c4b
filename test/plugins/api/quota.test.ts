import t from 'tap';
import { RequestCounter } from '../../../src/http/request-counter.ts';
import { ApiProgram, basic } from '../../support/api.ts';
import { build } from '../../support/build.ts';
import { createDatabase } from '../../support/database.ts';
import { createUser, PASSWORD } from '../../support/factories.ts';
import { waitFor } from '../../support/wait-for.ts';

/** Longer than any test. */
const limitOf = (points: number) => ({ config: { apiRateLimit: { points, seconds: 100_000_000 } } });

t.test('each response says how many requests are left, and beyond the limit how long to wait', async (t) => {
  const app = await build(t, {}, limitOf(3));
  const program = await ApiProgram.of(app, await createUser(app));
  for (const left of ['2', '1', '0']) {
    const { statusCode, headers } = await program.get('/posts/');
    t.equal(statusCode, 200);
    t.equal(headers['ratelimit-limit'], '3');
    t.equal(headers['ratelimit-remaining'], left);
    t.match(headers.ratelimit, new RegExp(`^"account";r=${left};t=\\d+$`));
    t.equal(headers['ratelimit-policy'], '"account";q=3;w=100000000');
  }
  const refused = await program.get('/posts/');
  t.equal(refused.statusCode, 429);
  t.equal(refused.json().error, 'too many requests');
  t.equal(refused.headers['retry-after'], refused.headers['ratelimit-reset']);
  t.equal(refused.headers['ratelimit-remaining'], '0');

  const other = await ApiProgram.of(app, await createUser(app, { username: 'susan' }));
  t.equal((await other.get('/posts/')).statusCode, 200, 'each account has its own');
});

t.test('all tokens and the password of an account share one quota', async (t) => {
  const app = await build(t, {}, limitOf(5));
  const john = await createUser(app);
  const tokens = await Promise.all([1, 2, 3, 4].map(() => ApiProgram.of(app, john)));
  for (const program of [...tokens, new ApiProgram(app, basic(john.email, PASSWORD))]) {
    t.equal((await program.get('/posts/')).statusCode, 200);
  }
  for (const program of tokens) t.equal((await program.get('/posts/')).statusCode, 429);
});

t.test('the limit applies across all processes', async (t) => {
  const DATABASE_URL = await createDatabase(t);
  const first = await build(t, { DATABASE_URL }, limitOf(10));
  const second = await build(t, { DATABASE_URL }, limitOf(10));
  const token = await ApiProgram.of(first, await createUser(first));
  const elsewhere = token.at(second);
  for (let number = 0; number < 5; number += 1) await token.get('/posts/');
  await waitFor(
    async () => Number((await elsewhere.get('/posts/')).headers['ratelimit-remaining']) < 5,
    'the second process knows what the first has counted',
  );
});

t.test('the count ends with its window, and RATE_LIMITS=off turns it off', async (t) => {
  const short = await build(t, {}, { config: { apiRateLimit: { points: 1, seconds: 1 } } });
  const program = await ApiProgram.of(short, await createUser(short));
  await program.get('/posts/');
  await waitFor(async () => (await program.get('/posts/')).statusCode === 200, 'the window has ended');

  const off = await build(t, { RATE_LIMITS: 'off' }, limitOf(1));
  const free = await ApiProgram.of(off, await createUser(off));
  await free.get('/posts/');
  const { statusCode, headers } = await free.get('/posts/');
  t.equal(statusCode, 200);
  t.equal(headers['ratelimit-limit'], undefined);
});

t.test('when the clock is set back, a new window begins', async (t) => {
  const counter = new RequestCounter(60_000, async (counts) => counts);
  counter.add('someone', 7_200_000);
  t.same(counter.add('someone', 30_000), { count: 1, secondsLeft: 30 });
});

t.test('a process counts a bounded number of clients', async (t) => {
  const counter = new RequestCounter(60_000, async (counts) => counts);
  const now = 30_000;
  counter.add('first', now);
  for (let client = 1; client < 100_000; client += 1) counter.add(`client ${client}`, now);
  t.equal(counter.add('first', now).count, 2);
  for (let client = 0; client < 100_000; client += 1) counter.add(`other ${client}`, now);
  t.equal(counter.add('first', now).count, 1, 'the one that has been silent longest is forgotten');
});
