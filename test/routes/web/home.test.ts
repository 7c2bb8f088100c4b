import t from 'tap';
import { follow } from '../../../src/domain/follows/follow.ts';
import { build, buildShared } from '../../support/build.ts';
import { Client, errorsOf } from '../../support/client.ts';
import { createUser, signedInClient } from '../../support/factories.ts';
import { writePosts } from '../../support/writing.ts';

const emptied = await buildShared(t);

/** The first lines of a page's posts, in order. */
const postsOf = (body: string) =>
  [...body.matchAll(/<div class="prose"><p>(.*?)<\/p>/g)].map(([, text]) => text);

t.test('a post is published with its Markdown rendered, and is listed first', async (t) => {
  const app = await emptied();
  const john = await createUser(app);
  await writePosts(app, john, 2);
  const client = await signedInClient(app, john);
  const response = await client.post('/', { body: 'Hello **you**, see https://example.com' });
  t.equal(response.statusCode, 303);
  t.equal(response.headers.location, '/');
  const { body } = await client.get('/');
  t.same(postsOf(body).slice(1), ['Post 2', 'Post 1']);
  t.match(
    body,
    '<p>Hello <strong>you</strong>, see <a href="https://example.com" rel="nofollow ugc noopener">',
  );
});

t.test('only authors and Administrators see the link to edit a post', async (t) => {
  const app = await emptied();
  const author = await createUser(app, { username: 'author' });
  const reader = await createUser(app, { username: 'reader' });
  const admin = await createUser(app, { username: 'admin', role: 'Administrator' });
  await writePosts(app, author, 1);
  // In this order, so that each could get the HTML that was made for the one before.
  for (const [user, isOffered] of [
    [reader, false],
    [author, true],
    [reader, false],
    [admin, true],
  ] as const) {
    const { body } = await (await signedInClient(app, user)).get('/');
    t.equal(body.includes('href="/edit/'), isOffered, user.username);
  }
});

t.test('an empty or overlong post is refused, and its text kept', async (t) => {
  const app = await emptied();
  const client = await signedInClient(app, await createUser(app));
  const empty = await client.post('/', { body: ' \n ' });
  t.equal(empty.statusCode, 422);
  t.same(errorsOf(empty), { body: 'This field is required.' });
  const long = await client.post('/', { body: 'x'.repeat(50_001) });
  t.equal(long.statusCode, 422);
  t.same(errorsOf(long), { body: 'Enter at most 50000 characters.' });
  t.match(long.body, 'x'.repeat(50_001));
  t.equal((await client.post('/', { body: 'é'.repeat(50_000) })).statusCode, 303);
});

t.test('lists show an excerpt of a long post, its own page shows all of it', async (t) => {
  const app = await emptied();
  const john = await createUser(app);
  const client = await signedInClient(app, john);
  await client.post('/', { body: `**Once** & ${'upon a time '.repeat(4_000)}the end` });
  await client.post('/', { body: `${'<i> '.repeat(12_000)}` });
  for (const url of ['/', '/?tab', '/user/john']) {
    if (url === '/?tab') await client.get('/followed');
    const { body } = await client.get(url);
    t.match(body, '<p><strong>Once</strong> &amp; upon a time', url);
    t.match(body, '>Continue reading<span class="visually-hidden"> the post by john</span></a>', url);
    t.ok(body.length < 20_000, `${url}: ${body.length} characters`);
  }
  t.match((await client.get('/post/1')).body, /<strong>Once<\/strong> &amp; .* the end/);
});

t.test('a preview shows the rendered text and publishes nothing', async (t) => {
  const app = await emptied();
  const client = await signedInClient(app, await createUser(app));
  const page = await client.post('/', { body: '*soon*', preview: 'y' });
  t.equal(page.statusCode, 200);
  t.match(page.body, '<p><em>soon</em></p>');
  t.match(page.body, '*soon*</textarea>');
  t.same(await app.db.selectFrom('posts').select('id').execute(), []);
});

t.test('a visitor cannot post, and is sent to log in', async (t) => {
  const app = await emptied();
  const response = await new Client(app).post('/', { body: 'Hello' });
  t.equal(response.headers.location, '/auth/login?next=%2F');
  t.same(await app.db.selectFrom('posts').select('id').execute(), []);
});

t.test(
  "the Followed tab has the posts of the people one follows and one's own, and is remembered",
  async (t) => {
    const app = await emptied();
    const [john, susan, tom] = [
      await createUser(app),
      await createUser(app, { username: 'susan' }),
      await createUser(app, { username: 'tom' }),
    ];
    for (const person of [john, susan, tom]) await writePosts(app, person);
    await follow(app, john.id, susan.id);
    const client = await signedInClient(app, john);
    const authors = async () =>
      [...(await client.get('/')).body.matchAll(/aria-label="Post by (\w+)"/g)].map(([, name]) => name);

    t.same(await authors(), ['tom', 'susan', 'john']);
    const chosen = await client.get('/followed');
    t.equal(chosen.statusCode, 303);
    t.match(chosen.cookies, [{ name: 'show_followed', maxAge: 30 * 24 * 60 * 60 }]);
    t.same(await authors(), ['susan', 'john']);
    await client.get('/all');
    t.same(await authors(), ['tom', 'susan', 'john']);

    t.match((await new Client(app).get('/followed')).headers.location, '/auth/login?next=%2Ffollowed');
  },
);

t.test('pages link to newer and older posts, and old page numbers still work', async (t) => {
  const app = await build(t, { POSTS_PER_PAGE: '2' });
  await writePosts(app, await createUser(app), 5);
  const client = new Client(app);
  const links = (body: string) =>
    [...body.matchAll(/<a rel="(\w+)" href="([^"]+)">(\w+)<\/a>/g)].map(([, ...link]) => link.join(' '));

  const rows = await app.db.selectFrom('posts').select('position').orderBy('position').execute();
  const [one, two, three, four, five] = rows.map(({ position }) => position);
  const first = (await client.get('/')).body;
  t.same(postsOf(first), ['Post 5', 'Post 4']);
  t.same(links(first), [`next /?before=${four} Older`]);
  const second = (await client.get(`/?before=${four}`)).body;
  t.same(postsOf(second), ['Post 3', 'Post 2']);
  t.same(links(second), [`prev /?after=${three} Newer`, `next /?before=${two} Older`]);
  t.match(second, '<title>More posts · Pennypost</title>');
  t.match(second, `/?before=${four}">`, 'as its canonical address');
  t.same(links((await client.get(`/?before=${two}`)).body), [`prev /?after=${one} Newer`]);
  t.same(postsOf((await client.get(`/?after=${three}`)).body), ['Post 5', 'Post 4']);

  t.same(postsOf((await client.get('/?page=2')).body), ['Post 3', 'Post 2']);
  t.same(postsOf((await client.get('/?page=-1')).body), ['Post 2', 'Post 1']);
  for (const query of ['page=4', 'page=501', 'page=99999999999999999999', `before=${one}`, `after=${five}`])
    t.equal((await client.get(`/?${query}`)).statusCode, 404, query);
  for (const query of [
    'page=0',
    'page=-2',
    'page=abc',
    'page=1.5',
    'page=',
    'page=1&page=2',
    'page=%00',
    'before=x',
  ]) {
    const response = await client.get(`/?${query}`);
    t.equal(response.statusCode, 200, query);
    t.same(postsOf(response.body), ['Post 5', 'Post 4'], query);
  }
});

t.test('an empty site has a first page and a last one', async (t) => {
  const app = await emptied();
  for (const url of ['/', '/?page=-1']) t.equal((await new Client(app).get(url)).statusCode, 200, url);
  t.equal((await new Client(app).get('/?page=2')).statusCode, 404);
});

t.test('a new site says how to begin until an account is confirmed', async (t) => {
  const app = await emptied();
  const visitor = new Client(app);
  await createUser(app, { isConfirmed: false });
  t.match((await visitor.get('/')).body, 'Start with the Administrator account');
  await createUser(app, { username: 'susan' });
  t.match((await visitor.get('/')).body, 'Hello, Stranger!');
});

t.test('first steps are shown until they are done', async (t) => {
  const app = await emptied();
  const john = await createUser(app);
  const client = await signedInClient(app, john);
  t.match((await client.get('/')).body, 'Write your first post');
  await writePosts(app, john);
  t.notMatch((await client.get('/')).body, 'First steps', 'he has written, and there is nobody to follow');

  await writePosts(app, await createUser(app, { username: 'susan' }));
  t.match((await client.get('/')).body, 'action="/follow/susan"');
  const susan = app.db.updateTable('users').where('username', '=', 'susan');
  await susan.set({ suspended_until: new Date('2100-01-01') }).execute();
  t.notMatch((await client.get('/')).body, 'First steps', 'nobody is told to follow a suspended person');
  await susan.set({ suspended_until: null }).execute();
  await client.post('/follow/susan');
  t.notMatch((await client.get('/')).body, 'First steps');

  const tom = await signedInClient(app, await createUser(app, { username: 'tom' }));
  t.match((await tom.get('/')).body, 'First steps');
  const suggested = async () =>
    [...(await tom.get('/')).body.matchAll(/action="\/follow\/(\w+)"/g)].map(([, name]) => name);
  for (const username of ['ann', 'bob', 'cleo', 'dan'])
    await writePosts(app, await createUser(app, { username }));
  t.same(await suggested(), ['dan', 'cleo', 'bob', 'ann', 'susan'], 'five who wrote most recently');
  await tom.post('/mute/dan');
  t.same(await suggested(), ['cleo', 'bob', 'ann', 'susan', 'john']);
  await app.db
    .updateTable('users')
    .set({ created_at: new Date('2026-01-01') })
    .execute();
  t.notMatch((await tom.get('/')).body, 'First steps', 'after a week nobody is told how to begin');
});
