import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import t, { type Test } from 'tap';
import { type Config, loadConfig } from '../../src/config.ts';
import { jobs } from '../../src/jobs/index.ts';
import { hasConsumingWorker } from '../../src/queue/index.ts';
import { build } from '../support/build.ts';
import { Client } from '../support/client.ts';
import { createDatabase } from '../support/database.ts';
import { createUser, PASSWORD, signedInClient } from '../support/factories.ts';
import { captureLog } from '../support/log.ts';
import { FaultyProxy } from '../support/proxy.ts';
import { waitFor } from '../support/wait-for.ts';
import { writePosts } from '../support/writing.ts';

/** Deadlines in the proportions of production, a third as long. */
const DEADLINES: Config['deadlines'] = {
  connectMs: 500,
  lockMs: 333,
  statementMs: 1_700,
  answerMs: 2_000,
  idleInTransactionMs: 1_000,
  readMs: 600,
  requestMs: 1_000,
};

/** On a busy machine, what is not meant to fail may take longer. */
const PATIENT = { connectMs: 5_000, readMs: 5_000, requestMs: 5_000 };

const UNCACHED: Config['pageCache'] = { maxAgeMs: 0, maxStaleMs: 0, maxBytes: 1 };

/** A site behind a proxy, with a post. */
async function setUp(t: Test, pageCache = UNCACHED, deadlines = DEADLINES) {
  const proxy = await FaultyProxy.open(t, await createDatabase(t));
  const { logger, lines } = captureLog();
  const config = { deadlines, pageCache };
  const app = await build(t, { DATABASE_URL: proxy.url, RATE_LIMITS: 'off' }, { logger, config });
  const author = await createUser(app, { username: 'author' });
  await writePosts(app, author);
  return {
    app,
    author,
    proxy,
    lines,
    get: (url: string) => app.inject({ url, headers: { accept: 'text/html' } }),
  };
}

/** Afterwards, all connections of the pool are open and idle. */
async function openAllConnections({ db, pool }: FastifyInstance): Promise<void> {
  const { max } = pool.options;
  const areOpen = Promise.withResolvers<void>();
  let open = 0;
  const holding = Array.from({ length: max }, () =>
    db.connection().execute(async () => {
      open += 1;
      if (open === max) areOpen.resolve();
      await areOpen.promise;
    }),
  );
  await Promise.all(holding);
}

t.test('unresponsive connections are given up and replaced', async (t) => {
  const { app, get, proxy } = await setUp(t);
  await openAllConnections(app);
  proxy.silence();
  // Fewer than there are connections, so that each visit gets a silent one at once, and some silent ones are left.
  const visits = await Promise.all(Array.from({ length: 4 }, () => get('/')));
  for (const { statusCode, headers } of visits) t.same([statusCode, headers['retry-after']], [503, '5']);
  t.equal((await get('/')).statusCode, 200, 'new connections are used');
  await waitFor(async () => (await get('/health/ready')).statusCode === 200, 'the process is ready again');
  t.equal(app.pool.totalCount - app.pool.idleCount, 0, 'none is held');
});

t.test('unresponsive connections do not keep a process from ending', async (t) => {
  const { app, get, proxy } = await setUp(t);
  await Promise.all(Array.from({ length: 20 }, () => get('/')));
  const listening = await app.channels.listen('channel', { onMessage() {}, onGap() {} });
  proxy.silence();
  const caught = get('/');
  await listening.close();
  await app.close();
  t.equal((await caught).statusCode, 503);
});

t.test('a worker without running jobs stops within seconds, although the database is gone', async (t) => {
  const proxy = await FaultyProxy.open(t, await createDatabase(t));
  const { deadlines } = loadConfig({}); // Those of production.
  const app = await build(t, { DATABASE_URL: proxy.url }, { role: 'worker', config: { deadlines } });
  await app.queue.work(jobs, { concurrency: 10 });
  await waitFor(() => hasConsumingWorker(app.db), 'it works');
  proxy.swallow();
  await sleep(1_500);
  const startedAt = performance.now();
  await app.close();
  t.ok(performance.now() - startedAt < 6_000);
});

t.test('a transaction that stops half-way only refuses others until PostgreSQL ends it', async (t) => {
  const { app, author } = await setUp(t);
  const client = await signedInClient(app, author);
  const frozen = await app.pool.connect();
  await frozen.query('begin');
  await frozen.query('select from users where id = $1 for update', [author.id]);

  const refused = await client.post('/', { body: 'Hello world' });
  t.equal(refused.statusCode, 503);
  t.match(refused.body, /<textarea[^>]*>\s*Hello world/, 'nobody has to type it again');
  await waitFor(
    async () => (await client.post('/', { body: 'Hello' })).statusCode === 303,
    'the lock is gone',
  );
  frozen.release(true);
});

t.test('a locked table refuses its pages at once, and nothing else', async (t) => {
  const { app, get } = await setUp(t);
  const other = await build(t, { DATABASE_URL: app.config.databaseUrl });
  await other.db.transaction().execute(async (trx) => {
    t.equal((await get('/health/ready')).statusCode, 200);
    await sql`lock table posts`.execute(trx);
    const pages = Array.from({ length: 20 }, () => get('/'));
    t.equal((await get('/health/ready')).statusCode, 200, 'although all other connections are busy');
    for (const { statusCode } of await Promise.all(pages)) t.equal(statusCode, 503);
    t.equal((await get('/user/author')).statusCode, 503);
    t.equal((await get('/auth/login')).statusCode, 200);
    const inJson = await app.inject({ url: '/api/v1/posts/', headers: { authorization: 'Bearer x' } });
    t.equal(inJson.statusCode, 401, 'the API still identifies its callers');
  });
  t.equal((await get('/')).statusCode, 200);
});

t.test('readers of a locked table neither stop log-in nor pages that do not need it', async (t) => {
  const { app, author } = await setUp(t, UNCACHED, { ...DEADLINES, ...PATIENT });
  const reader = await signedInClient(app, author);
  const other = await build(t, { DATABASE_URL: app.config.databaseUrl });
  await other.db.transaction().execute(async (trx) => {
    await sql`lock table posts`.execute(trx);
    const paths = ['/', '/?page=2', '/user/author', '/post/1', '/archive', '/feed.atom'];
    const crowd = setInterval(() => paths.map((path) => reader.get(path)), 50);
    try {
      for (let visit = 0; visit < 5; visit += 1) {
        const visitor = new Client(app);
        const { statusCode } = await visitor.post('/auth/login', { email: author.email, password: PASSWORD });
        t.equal(statusCode, 303, 'log-in');
        await sleep(100);
      }
      for (let visit = 0; visit < 5; visit += 1)
        t.equal((await reader.get('/followers/author')).statusCode, 200);
    } finally {
      clearInterval(crowd);
    }
  });
  await waitFor(async () => (await reader.get('/')).statusCode === 200, 'the site answers again');
});

t.test('if the database does not answer, readers are told in time, and soon at once', async (t) => {
  const { app, get, proxy } = await setUp(t);
  await Promise.all(Array.from({ length: 20 }, () => get('/')));
  proxy.swallow();
  const took: number[] = [];
  for (let visit = 0; visit < 5; visit += 1) {
    const startedAt = performance.now();
    const pages = await Promise.all([get('/'), get('/'), get('/')]);
    took.push(performance.now() - startedAt);
    for (const { statusCode, headers } of pages) t.same([statusCode, headers['retry-after']], [503, '5']);
  }
  t.ok(Math.max(...took) < DEADLINES.readMs + 200, `${took}`);
  const startedAt = performance.now();
  const [probe, ...others] = [get('/'), get('/'), get('/')];
  await Promise.race(others);
  t.ok(performance.now() - startedAt < 200, 'only one asks');
  t.equal((await probe).statusCode, 503);
  proxy.heal();
  await waitFor(async () => (await get('/')).statusCode === 200, 'the first success ends it');
  // The health checks' connection reads the settings too, and is given up a page's deadline later.
  await waitFor(async () => (await app.inject('/health/ready')).statusCode === 200, 'it is ready');
});

t.test('counting against a rate limit keeps the deadline of its request', async (t) => {
  const proxy = await FaultyProxy.open(t, await createDatabase(t));
  const app = await build(t, { DATABASE_URL: proxy.url }, { config: { deadlines: DEADLINES } });
  const authorization = `Basic ${btoa(`nobody@b.example:${PASSWORD}`)}`;
  const ask = () => app.inject({ url: '/api/v1/posts/', headers: { authorization } });
  t.equal((await ask()).statusCode, 401);
  await waitFor(() => app.pool.idleCount === app.pool.totalCount, 'the failed log-in is recorded');
  proxy.swallow();
  const startedAt = performance.now();
  t.equal((await ask()).statusCode, 503);
  t.ok(performance.now() - startedAt < DEADLINES.readMs + 300);
});

t.test('an outage causes a 503 that says when to try again, and two lines in the log', async (t) => {
  const { app, get, proxy, lines } = await setUp(t);
  const before = lines().length;
  await proxy.refuse();
  for (let visit = 0; visit < 5; visit += 1) {
    const page = await get('/');
    t.same([page.statusCode, page.headers['retry-after']], [503, '5']);
    t.match(page.body, 'The site is briefly unavailable.');
    t.notMatch(page.body, 'ECONNREFUSED');
    t.match(page.body, '<a href="">Try again</a>');
    t.match(page.body, '>Log in<');
  }
  const signedIn = await app.inject({ url: '/', headers: { cookie: 'session=x', accept: 'text/html' } });
  t.equal(signedIn.statusCode, 503);
  t.notMatch(signedIn.body, '>Log in<', 'who cannot be known is not taken for signed out');
  const inJson = await app.inject({ url: '/', headers: { accept: 'application/json' } });
  t.same(inJson.json(), {
    error: 'service unavailable',
    message: 'The site is briefly unavailable. Please try again in a moment.',
  });
  const byApi = await app.inject({ url: '/api/v1/posts/', headers: { authorization: 'Bearer x' } });
  t.same([byApi.statusCode, byApi.headers['retry-after']], [503, '5']);
  t.equal((await get('/health/ready')).statusCode, 503);

  await proxy.accept();
  t.equal((await get('/')).statusCode, 200);
  await waitFor(
    () => lines().some(({ msg }) => msg === 'the database is available again'),
    'the end is logged',
  );
  const written = lines()
    .slice(before)
    .filter(({ level }) => Number(level) >= 40);
  t.match(written, [{ msg: 'the database is unavailable', err: { message: /ECONNRE|terminated/ } }]);
  const end = lines().find(({ msg }) => msg === 'the database is available again');
  t.ok(Number(end?.failures) >= 8);
});

t.test('a slow network is refused in time', async (t) => {
  const { get, proxy } = await setUp(t);
  proxy.latencyMs = 700;
  t.equal((await get('/')).statusCode, 503);
  proxy.heal();
  await waitFor(async () => (await get('/')).statusCode === 200, 'the site answers again');
});

t.test('waiting for a connection ends with the request', async (t) => {
  const { get, proxy } = await setUp(t, UNCACHED, { ...DEADLINES, connectMs: 20_000 });
  proxy.swallow();
  const startedAt = performance.now();
  for (let visit = 0; visit < 3; visit += 1) t.equal((await get('/')).statusCode, 503);
  t.ok(performance.now() - startedAt < 15_000);
  proxy.reset();
});

t.test('while the database is away, visitors get pages from the cache', async (t) => {
  const { app, get, proxy } = await setUp(t, { maxAgeMs: 1, maxStaleMs: 3_600_000, maxBytes: 2 ** 20 });
  const fresh = await get('/');
  t.equal(fresh.headers.age, undefined);
  await proxy.refuse();
  const stale = await Promise.all(Array.from({ length: 5 }, () => get('/')));
  for (const { statusCode, body, headers } of stale) {
    t.equal(statusCode, 200);
    t.equal(body, fresh.body);
    t.equal(headers['retry-after'], undefined);
    t.equal(headers.etag, fresh.headers.etag);
  }
  t.ok(
    stale.some(({ headers }) => headers.age !== undefined),
    'its age is given',
  );
  const compressed = await app.inject({ url: '/', headers: { 'accept-encoding': 'gzip' } });
  t.equal(compressed.statusCode, 503, 'a page that nobody has seen cannot be shown');
  const known = await app.inject({
    url: '/',
    headers: { 'if-none-match': String(fresh.headers.etag), accept: 'text/html' },
  });
  t.equal(known.statusCode, 304);
  t.equal((await get('/user/author')).statusCode, 503);

  await proxy.accept();
  await waitFor(async () => (await get('/user/author')).statusCode === 200, 'the site answers again');
});

t.test(
  'visitors get a page from before a change, if the database went away before it was read again',
  async (t) => {
    const { app, author, get, proxy } = await setUp(t, {
      maxAgeMs: 60_000,
      maxStaleMs: 3_600_000,
      maxBytes: 2 ** 20,
    });
    const client = await signedInClient(app, author);
    const before = await get('/');
    t.equal((await client.post('/', { body: 'Hello' })).statusCode, 303);
    await proxy.refuse();
    const stale = await get('/');
    t.same([stale.statusCode, stale.body], [200, before.body]);
    t.equal((await get('/')).headers.age, stale.headers.age, 'its age is always given');
    await proxy.accept();
    await client.post('/', { body: 'Hello again' });
    t.match((await get('/')).body, 'Hello again');
  },
);

t.test('a page that is too old is not shown', async (t) => {
  const { get, proxy } = await setUp(t, { maxAgeMs: 1, maxStaleMs: 1, maxBytes: 2 ** 20 });
  await get('/');
  await proxy.refuse();
  await waitFor(async () => (await get('/')).statusCode === 503, 'the page is too old');
});
