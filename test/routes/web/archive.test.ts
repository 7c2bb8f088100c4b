import t from 'tap';
import { build } from '../../support/build.ts';
import { Client } from '../../support/client.ts';
import { createUser } from '../../support/factories.ts';
import { writePosts } from '../../support/writing.ts';

const posts = (body: string) => [...body.matchAll(/Post \d/g)].map(String);

t.test('the archive lists the months with posts, and each month its posts', async (t) => {
  const app = await build(t, { POSTS_PER_PAGE: '2' });
  const client = new Client(app);
  t.match((await client.get('/archive')).body, 'No posts yet.');

  const ids = await writePosts(app, await createUser(app), 6);
  const moments = [
    '2025-12-31T23:59:59Z',
    '2026-01-01T00:00:00Z',
    '2026-01-15T12:00:00Z',
    '2026-01-31T23:59:59.999Z',
    '2026-03-01T00:00:00Z',
    '2026-03-02T00:00:00Z',
  ];
  for (const [index, id] of ids.entries()) {
    const moment = new Date(String(moments[index]));
    await app.db.updateTable('posts').set({ created_at: moment }).where('id', '=', id).execute();
  }
  const { body } = await client.get('/archive');
  t.same(
    [...body.matchAll(/"\/archive\/([\d/]+)">([^<]+)</g)].map(([, path, name]) => `${path} ${name}`),
    ['2026/03 March 2026', '2026/01 January 2026', '2025/12 December 2025'],
  );
  t.same(
    [...body.matchAll(/<h2>(\d+)</g)].map(([, year]) => year),
    ['2026', '2025'],
  );
  t.match((await client.get('/')).body, '<a href="/archive">Archive</a>');

  t.same(posts((await client.get('/archive/2026/03')).body), ['Post 6', 'Post 5']);
  t.same(posts((await client.get('/archive/2025/12')).body), ['Post 1']);
  const january = (await client.get('/archive/2026/01')).body;
  t.match(january, '<h1>January 2026</h1>');
  t.same(posts(january), ['Post 4', 'Post 3']);
  const older = /<a rel="next" href="([^"]+)">Older</.exec(january)?.[1];
  const rest = (await client.get(String(older))).body;
  t.same(posts(rest), ['Post 2']);
  t.notMatch(rest, 'rel="next"', 'the month before is not part of it');
});

t.test('a month without posts, or an impossible one, is not found', async (t) => {
  const app = await build(t);
  await writePosts(app, await createUser(app));
  for (const path of ['2026/00', '2026/13', '1999/01', '0000/01', '9999/12', '2026/1', 'x/01', '2026'])
    t.equal((await new Client(app).get(`/archive/${path}`)).statusCode, 404, path);
});
