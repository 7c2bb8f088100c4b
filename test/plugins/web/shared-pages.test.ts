import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { sql } from 'kysely';
import t, { type Test } from 'tap';
import { ApiProgram } from '../../support/api.ts';
import { build } from '../../support/build.ts';
import { createUser, signedInClient } from '../../support/factories.ts';
import { waitFor } from '../../support/wait-for.ts';
import { writePosts } from '../../support/writing.ts';

const keptFor = (maxAgeMs: number) => ({ config: { pageCache: { maxAgeMs, maxBytes: 2 ** 20 } } });

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

t.test('a hundred visitors at once cost what one costs, and the next nothing', async (t) => {
  const { app, postId, countQueries } = await setUp(t);
  for (const url of [
    '/',
    `/post/${postId}`,
    '/user/author',
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

t.test('what nobody can see is not kept, and those who waited are answered too', async (t) => {
  const { app } = await setUp(t);
  const pages = await Promise.all(Array.from({ length: 20 }, () => app.inject('/post/999')));
  t.same(new Set(pages.map(({ statusCode }) => statusCode)), new Set([404]));
  t.match(pages[0]?.headers['cache-control'], 'no-store');
});

t.test(
  'a change by another process is seen at once, and when nobody tells of it, once the kept page is too old',
  async (t) => {
    const { app, author } = await setUp(t);
    const forgetful = await build(t, { DATABASE_URL: app.config.databaseUrl }, keptFor(500));
    await app.inject('/');
    await app.db.updateTable('posts').set({ body_html: '<p>Changed</p>' }).execute();
    await waitFor(async () => (await app.inject('/')).body.includes('Changed'), 'the change is seen');
    await sql`alter table posts disable trigger posts_announced_in`.execute(app.db);
    await forgetful.inject('/');
    await writePosts(app, author, 3);
    await waitFor(async () => (await forgetful.inject('/')).body.includes('Post 3'), 'it is seen');
    t.notMatch((await app.inject('/')).body, 'Post 3', 'although nothing told of it');
  },
);

t.test('what a process was asked to do itself is seen after its answer, told of or not', async (t) => {
  const { app, author } = await setUp(t);
  await sql`alter table posts disable trigger posts_announced_in`.execute(app.db);
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

t.test('caches on the way may share what all see, and nothing of those who are signed in', async (t) => {
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
  t.match(own.body, 'Hello, author!');
  t.match((await app.inject('/')).body, 'Hello, Stranger!');
});

t.test('what is kept is described as when it was rendered', async (t) => {
  const { app } = await setUp(t);
  for (const url of ['/', '/feed.atom', '/feed.json', '/sitemap.xml', '/sitemap/people/1.xml']) {
    const describe = async () => {
      const { headers } = await app.inject(url);
      return ['content-type', 'cache-control', 'last-modified', 'vary', 'etag'].map((name) => headers[name]);
    };
    const rendered = await describe();
    t.match(rendered[0], /^(text\/html|application\/[a-z+]+); charset=utf-8$/, url);
    t.same(await describe(), rendered, url);
  }
});

t.test('who has a session that is not signed in gets pages of their own as well', async (t) => {
  const { app, author } = await setUp(t);
  await app.inject('/');
  const client = await signedInClient(app, author);
  await client.post('/auth/logout');
  const page = await client.get('/');
  t.match(page.body, 'You have been logged out.');
  t.equal(page.headers['cache-control'], 'private, no-cache');
  t.notMatch((await app.inject('/')).body, 'You have been logged out.');
});

t.test('pages are packed as their readers can unpack them', async (t) => {
  const { app, author } = await setUp(t);
  const plain = await app.inject('/');
  t.equal(plain.headers['content-encoding'], undefined);
  const client = await signedInClient(app, author);
  for (const [accepted, encoding, unpack] of [
    ['gzip, deflate, br, zstd', 'br', brotliDecompressSync],
    ['gzip;q=1, br;q=0', 'gzip', gunzipSync],
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

t.test('a visitor who leaves does not take the page from those who wait for it', async (t) => {
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
    'it is asked for',
  );
  const others = [1, 2, 3].map(() => fetch(address));
  await waitFor(() => asked === 4, 'the others wait for it too');
  leaving.abort();
  await t.rejects(first);
  await lock.query('rollback');
  lock.release();
  for (const response of await Promise.all(others)) t.equal(response.status, 200);
});
