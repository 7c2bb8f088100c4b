import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import t, { type Test } from 'tap';
import { ApiProgram } from '../support/api.ts';
import { build } from '../support/build.ts';
import { Client } from '../support/client.ts';
import { createUser, signedInClient } from '../support/factories.ts';
import { waitFor } from '../support/wait-for.ts';
import { writeComments, writePosts } from '../support/writing.ts';

const keptFor = (maxAgeMs: number) => ({
  config: { pageCache: { maxAgeMs, maxStaleMs: 0, maxBytes: 2 ** 20 } },
});

/** Longer than any test takes. */
const AN_HOUR = keptFor(3_600_000);

async function setUp(t: Test) {
  const app = await build(t, {}, AN_HOUR);
  const author = await createUser(app, { username: 'author' });
  const [postId = 0] = await writePosts(app, author);
  let queries = 0;
  app.pool.on('acquire', () => {
    queries += 1;
  });
  const countQueries = async (act: () => Promise<unknown>) => {
    const before = queries;
    await act();
    return queries - before;
  };
  return { app, author, postId, countQueries };
}

t.test('a hundred concurrent visitors cost as much as one, and the next one nothing', async (t) => {
  const { app, postId, countQueries } = await setUp(t);
  for (const url of [
    '/',
    `/post/${postId}`,
    '/user/author',
    '/tag/bread',
    '/followers/author',
    '/feed.atom',
    '/feed.json',
    '/user/author/feed.atom',
    `/post/${postId}/feed.json`,
    '/sitemap.xml',
    '/sitemap/posts/1.xml',
  ]) {
    const one = await countQueries(() => app.inject(`${url}?page=2`));
    const all = await countQueries(async () => {
      const pages = await Promise.all(Array.from({ length: 100 }, () => app.inject(url)));
      for (const page of pages) t.equal(page.statusCode, 200);
      t.equal(new Set(pages.map(({ body }) => body)).size, 1);
    });
    t.ok(all <= one + 1, `${url}: ${all} queries for a hundred`);
    t.equal(await countQueries(() => app.inject(url)), 0, `${url} is kept`);
    t.equal(
      await countQueries(() => app.inject(`${url}?utm_source=x&page=1`)),
      0,
      'other parameters do not matter',
    );
  }
});

t.test('error pages are not cached, and waiting requests are answered', async (t) => {
  const { app } = await setUp(t);
  const pages = await Promise.all(Array.from({ length: 20 }, () => app.inject('/post/999')));
  t.same(new Set(pages.map(({ statusCode }) => statusCode)), new Set([404]));
  t.match(pages[0]?.headers['cache-control'], 'no-store');
});

t.test('a change by another process shows when the cached page expires', async (t) => {
  const { app, author } = await setUp(t);
  const other = await build(t, { DATABASE_URL: app.config.databaseUrl }, keptFor(500));
  await other.inject('/');
  await app.inject('/');
  await writePosts(app, author, 3);
  await waitFor(async () => (await other.inject('/')).body.includes('Post 3'), 'it is seen');
  t.notMatch((await app.inject('/')).body, 'Post 3', 'an hour is not over');
});

t.test('a process’s own change is visible after its response', async (t) => {
  const { app, author } = await setUp(t);
  const client = await signedInClient(app, author);
  const program = await ApiProgram.of(app, author);
  for (let number = 1; number <= 5; number += 1) {
    t.notMatch((await app.inject('/')).body, `By hand ${number}`);
    await client.post('/', { body: `By hand ${number}` });
    t.match((await app.inject('/')).body, `By hand ${number}`);
    await program.post('/posts/', { body: `By program ${number}` });
    t.match((await app.inject('/')).body, `By program ${number}`);
  }
});

t.test('refused and anonymous requests do not empty the cache', async (t) => {
  const { app, author, countQueries } = await setUp(t);
  const client = await signedInClient(app, author);
  const stranger = new Client(app);
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  await app.inject('/');
  for (const [what, status, ask] of [
    ['a post by nobody', 303, () => stranger.post('/', { body: 'x' })],
    ['a wrong password', 422, () => stranger.post('/auth/login', { email: author.email, password: 'x' })],
    ['a link that is used up', 404, () => stranger.post('/auth/confirm/used-up', {})],
    ['a reset', 303, () => stranger.post('/auth/reset', { email: author.email })],
    ['an empty post', 422, () => client.post('/', { body: '' })],
    ['a post that is not there', 404, () => client.post('/post/999', { body: 'x' })],
    ['a call without credentials', 401, () => app.inject({ method: 'POST', url: '/api/v1/posts/' })],
    [
      'a form of another site',
      403,
      () => app.inject({ method: 'POST', url: '/', headers: { ...form, 'sec-fetch-site': 'cross-site' } }),
    ],
  ] as const) {
    t.equal((await ask()).statusCode, status, what);
    t.equal(await countQueries(() => app.inject('/')), 0, what);
  }
});

t.test('a page read before a change is not cached after it', async (t) => {
  const { app, author, postId } = await setUp(t);
  await writeComments(app, author, postId);
  const client = await signedInClient(app, author);
  const lock = await app.pool.connect();
  await lock.query('begin');
  await lock.query('lock table comments in access exclusive mode');
  const early = Promise.resolve(app.inject(`/post/${postId}`));
  await waitFor(
    async () =>
      (
        await lock.query(
          'select from pg_locks join pg_database on oid = database where datname = current_database() and not granted',
        )
      ).rowCount === 1,
    'the page has read its post, and waits for the comments',
  );
  t.equal((await client.post(`/edit/${postId}`, { body: 'Edited meanwhile' })).statusCode, 303);
  await lock.query('rollback');
  lock.release();
  t.notMatch((await early).body, 'Edited meanwhile');
  t.match((await app.inject(`/post/${postId}`)).body, 'Edited meanwhile');
});

t.test('nothing in a visitor’s request gets into other visitors’ pages', async (t) => {
  const { app, countQueries } = await setUp(t);
  const placeless = (body: string) => body.replaceAll(/before=\d+/g, '');
  const plain = await app.inject('/user/author?before=9000000000000000');
  for (const [index, headers] of [
    { 'accept-encoding': '*' },
    { 'accept-encoding': 'x-gzip' },
    { 'accept-encoding': 'GZIP' },
    { 'accept-encoding': 'zstd', 'x-no-compression': '1' },
    { 'accept-encoding': 'zstd', 'if-none-match': '*' },
    { 'accept-encoding': 'zstd', 'if-none-match': String(plain.headers.etag) },
    { 'accept-encoding': 'zstd', 'sec-fetch-site': 'same-origin', cookie: 'show_followed=1; session=x' },
    { 'accept-encoding': 'zstd', host: 'evil.example', 'x-forwarded-host': 'evil.example' },
  ].entries()) {
    // Each is the first to request its page, in every encoding.
    const url = `/user/author?before=${9_000_000_000_000_001 + index}`;
    await app.inject({ url, headers });
    await app.inject({ method: 'HEAD', url, headers });
    const identity = await app.inject(url);
    t.equal(identity.statusCode, 200);
    t.equal(identity.headers['content-encoding'], undefined);
    t.equal(identity.headers['speculation-rules'], undefined);
    t.equal(placeless(identity.body), placeless(plain.body), url);
    const zstd = await app.inject({ url, headers: { 'accept-encoding': 'zstd' } });
    t.equal(zstd.headers['content-encoding'], 'zstd');
    t.equal(zstdDecompressSync(zstd.rawPayload).toString(), identity.body);
  }
  const first = await app.inject('/user/author');
  for (const query of [
    'page=1%26before%3D2',
    'page=1&page=2',
    'page[]=2',
    '__proto__=1',
    'page=x',
    'before=%00',
  ]) {
    const { body } = await app.inject(`/user/author?${query}`);
    t.equal(body, first.body, query);
    t.equal(
      await countQueries(() => app.inject(`/user/author?${query}`)),
      0,
      'and it has no page of its own',
    );
  }
});

t.test('a reader who already has the page gets 304, and others still get the page', async (t) => {
  const { app, countQueries } = await setUp(t);
  const uncached = await build(t, { DATABASE_URL: app.config.databaseUrl });
  const { etag = '' } = (await uncached.inject('/')).headers;
  const headers = { 'if-none-match': `"other", ${etag}` };
  t.equal((await app.inject({ url: '/', headers })).statusCode, 304, 'including the one it was rendered for');
  await countQueries(async () => {
    t.equal((await app.inject('/')).statusCode, 200);
    t.equal((await app.inject({ url: '/', headers })).statusCode, 304);
  }).then((queries) => t.equal(queries, 0));
});

t.test('a page too large to cache is still sent, and rendered once for all who wait', async (t) => {
  const app = await build(
    t,
    {},
    { config: { pageCache: { maxAgeMs: 3_600_000, maxStaleMs: 0, maxBytes: 2_000 } } },
  );
  await writePosts(app, await createUser(app), 3);
  for (let round = 0; round < 2; round += 1) {
    const pages = await Promise.all(Array.from({ length: 10 }, () => app.inject('/')));
    for (const { statusCode, body } of pages) {
      t.equal(statusCode, 200);
      t.match(body, 'Post 3');
    }
  }
});

t.test('the cache keeps no more in memory than its pages', async (t) => {
  const { app } = await setUp(t);
  const sent: Buffer[] = [];
  app.server.prependListener('request', (_request, response) => {
    const { end } = response;
    Object.assign(response, {
      end(body: Buffer) {
        sent.push(body);
        return end.call(response, body, 'utf8');
      },
    });
  });
  const address = await app.listen({ host: '127.0.0.1', port: 0 });
  for (const path of ['/', '/', '/archive', '/archive']) await (await fetch(address + path)).text();
  t.equal(sent.length, 4);
  for (const { buffer, length } of sent) t.equal(buffer.byteLength, length);
});

t.test('proxies may cache shared pages, but no pages of logged-in users', async (t) => {
  const { app, author } = await setUp(t);
  for (const round of ['rendered', 'kept']) {
    const { headers } = await app.inject('/');
    t.match(headers['cache-control'], /^public, max-age=0, s-maxage=\d, stale-while-revalidate=\d+$/, round);
    t.equal(headers.vary, 'accept-encoding, cookie', round);
    t.match(headers.etag, /^W\/"/, round);
    t.equal(headers['set-cookie'], undefined, round);
    const again = await app.inject({ url: '/', headers: { 'if-none-match': String(headers.etag) } });
    t.equal(again.statusCode, 304, round);
    t.equal(again.body, '', round);
  }
  const client = await signedInClient(app, author);
  const own = await client.get('/');
  t.equal(own.headers['cache-control'], 'private, no-store');
  t.notOk(own.headers.etag, 'no browser has anything to compare it with');
  t.match(own.body, 'Hello, author!');
  t.match((await app.inject('/')).body, 'Hello, Stranger!');
});

t.test('a cached page has the headers it was rendered with', async (t) => {
  const { app } = await setUp(t);
  for (const url of ['/', '/feed.atom', '/feed.json', '/sitemap.xml', '/sitemap/people/1.xml']) {
    const describe = async () => {
      const { date, ...headers } = (await app.inject(url)).headers;
      return { ...headers, 'content-length': Number(headers['content-length']) };
    };
    const rendered = await describe();
    t.match(rendered['content-type'], /^(text\/html|application\/[a-z+]+); charset=utf-8$/, url);
    t.hasProps(rendered, ['cache-control', 'vary', 'etag', 'content-security-policy'], url);
    t.same(await describe(), rendered, url);
  }
  const fromHere = await app.inject({ url: '/', headers: { 'sec-fetch-site': 'same-origin' } });
  t.match(fromHere.headers['speculation-rules'], '/assets/', 'and those for this response alone');
});

t.test('a visitor with an anonymous session gets uncached pages too', async (t) => {
  const { app, author } = await setUp(t);
  await app.inject('/');
  const client = await signedInClient(app, author);
  await client.post('/auth/logout');
  const page = await client.get('/');
  t.match(page.body, 'You have been logged out.');
  t.equal(page.headers['cache-control'], 'private, no-cache');
  t.notMatch((await app.inject('/')).body, 'You have been logged out.');
});

t.test('pages are compressed with an encoding that the client accepts', async (t) => {
  const { app, author } = await setUp(t);
  const plain = await app.inject('/');
  t.equal(plain.headers['content-encoding'], undefined);
  const client = await signedInClient(app, author);
  for (const [accepted, encoding, unpack] of [
    ['gzip, deflate, br, zstd', 'zstd', zstdDecompressSync],
    ['gzip;q=1, zstd;q=0', 'gzip', gunzipSync],
  ] as const) {
    const packed = await app.inject({ url: '/', headers: { 'accept-encoding': accepted } });
    t.equal(packed.headers['content-encoding'], encoding);
    t.equal(unpack(packed.rawPayload).toString(), plain.body);
    t.equal(packed.headers.etag, plain.headers.etag);
    const own = await client.get('/', { headers: { 'accept-encoding': accepted } });
    t.equal(own.headers['content-encoding'], encoding);
    t.match(unpack(own.rawPayload).toString(), 'Hello, author!');
  }
  t.equal((await app.inject({ url: '/', headers: { 'accept-encoding': 'deflate' } })).body, plain.body);
  const head = await app.inject({ method: 'HEAD', url: '/' });
  t.equal(head.statusCode, 200);
  t.equal(head.headers.etag, plain.headers.etag);
});

t.test('a visitor who disconnects does not take the page from those who wait for it', async (t) => {
  const { app } = await setUp(t);
  const address = await app.listen({ host: '127.0.0.1', port: 0 });
  let asked = 0;
  app.server.on('request', () => {
    asked += 1;
  });
  const lock = await app.pool.connect();
  await lock.query('begin');
  await lock.query('lock table users in access exclusive mode');
  const leaving = new AbortController();
  const first = fetch(address, { signal: leaving.signal });
  await waitFor(
    () => app.pool.waitingCount === 0 && app.pool.totalCount - app.pool.idleCount > 1,
    'it is requested',
  );
  const others = [1, 2, 3].map(() => fetch(address));
  await waitFor(() => asked === 4, 'the others wait for it too');
  leaving.abort();
  await t.rejects(first);
  await lock.query('rollback');
  lock.release();
  for (const response of await Promise.all(others)) t.equal(response.status, 200);
});
