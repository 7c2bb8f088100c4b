import { sql } from 'kysely';
import t from 'tap';
import { block } from '../../../src/domain/blocks/block.ts';
import { bookmark } from '../../../src/domain/bookmarks/bookmark.ts';
import { like, unlike } from '../../../src/domain/likes/like.ts';
import { deletePost, setPostDisabled } from '../../../src/domain/posts/write.ts';
import { notifyQueue } from '../../../src/queues.ts';
import { ApiProgram } from '../../support/api.ts';
import { build } from '../../support/build.ts';
import { Client } from '../../support/client.ts';
import { createUser, signedInClient } from '../../support/factories.ts';
import { jobsOf } from '../../support/jobs.ts';
import { writePosts } from '../../support/writing.ts';

const app = await build(t, { POSTS_PER_PAGE: '2', FOLLOWERS_PER_PAGE: '2' });
const { db } = app;
const john = await createUser(app);
const susan = await createUser(app, { username: 'susan' });
const david = await createUser(app, { username: 'david' });
const client = await signedInClient(app, john);
const program = await ApiProgram.of(app, john);

async function postBy({ id }: { id: number }): Promise<number> {
  const [postId = 0] = await writePosts(app, { id });
  return postId;
}

t.test('a post is liked and no longer liked, and everyone sees how many like it and who', async (t) => {
  const mary = await createUser(app, { username: 'mary' });
  await like(app, { userId: john.id, postId: await postBy(david) });
  const postId = await postBy(susan);
  const page = () => client.get(`/post/${postId}`).then(({ body }) => body);
  await like(app, { userId: david.id, postId });
  t.match(await page(), `action="/like/${postId}?next=`);
  const liked = await client.post(`/like/${postId}?next=%2F%3Fpage%3D2`);
  t.equal(liked.headers.location, '/?page=2', 'back to the same place');
  t.match(await page(), new RegExp(`action="/unlike/${postId}[^>]+><button[^>]+aria-pressed="true"`));
  const visitor = new Client(app);
  for (const path of ['/', `/post/${postId}`])
    t.match((await visitor.get(path)).body, `<a href="/likes/${postId}">2 likes`, path);
  t.notMatch((await visitor.get(`/post/${postId}`)).body, 'Bookmark');
  await like(app, { userId: mary.id, postId: await postBy(david) });
  const likers = (await visitor.get(`/likes/${postId}`)).body;
  t.match(likers, /user\/john"(?:.|\n)*user\/david"/);
  t.notMatch(likers, 'user/mary"', 'who likes another post');
  t.equal((await client.post(`/unlike/${postId}`)).headers.location, `/post/${postId}`);
  t.match(await page(), '1 like</a>');
});

t.test(
  'a like counts once, however often and concurrently it is given, and only the first is new',
  async (t) => {
    const mark = { userId: john.id, postId: await postBy(susan) };
    await Promise.all(Array.from({ length: 8 }, () => like(app, mark)));
    const jobs = (await jobsOf(app, notifyQueue)).map(({ data }) => data);
    const job = { about: 'like', ...mark };
    t.same(
      jobs.filter((data) => 'postId' in data && data.postId === mark.postId),
      [job],
    );
    await unlike(app.db, mark);
    const outcome = like(app, mark).then(
      () => 'liked',
      ({ code }) => code,
    );
    await deletePost(db, mark.postId);
    t.match(await outcome, /^(?:liked|not-found)$/, 'while its post is deleted');
    await t.rejects(like(app, mark), { code: 'not-found' });
  },
);

t.test(
  'people cannot like their own posts, hidden posts, or posts by people who have blocked them',
  async (t) => {
    const [own, hidden, blocked] = [await postBy(john), await postBy(susan), await postBy(david)];
    await setPostDisabled(db, hidden, true);
    await block(db, { blockerId: david.id, blockedId: john.id }, 'block');
    t.notMatch((await client.get(`/post/${own}`)).body, '/like/');
    t.same(
      await Promise.all(
        [own, hidden, blocked].map(async (id) => (await client.post(`/like/${id}`)).statusCode),
      ),
      [403, 404, 403],
    );
    t.equal((await client.get(`/likes/${hidden}`)).statusCode, 404);
    t.equal((await client.post(`/bookmark/${hidden}`)).statusCode, 404);
    await sql`delete from blocks`.execute(db);
  },
);

t.test('people who may only read cannot like posts, but can bookmark them', async (t) => {
  const postId = await postBy(susan);
  await db
    .updateTable('users')
    .set({ silenced_until: new Date('9999-12-31') })
    .where('id', '=', john.id)
    .execute();
  t.equal((await client.post(`/like/${postId}`)).statusCode, 403);
  t.equal((await client.post(`/bookmark/${postId}`)).statusCode, 303);
  await db.updateTable('users').set({ silenced_until: null }).where('id', '=', john.id).execute();
});

t.test('likes beyond ninety-nine are not counted', async (t) => {
  const postId = await postBy(susan);
  await sql`
    with people as (
      insert into users (email, username, password_hash, role)
      select 'p' || n || '@example.com', 'p' || n, '', 'User' from generate_series(1, 101) as n returning id
    )
    insert into likes (user_id, post_id) select id, ${postId} from people
  `.execute(db);
  t.match((await client.get(`/post/${postId}`)).body, '99+ likes');
  t.match((await program.get(`/posts/${postId}`)).json(), { like_count: 100 });
  const { body } = await client.get(`/likes/${postId}`);
  t.match(body, /user\/p101"(?:.|\n)*user\/p100"/);
  const [, older = ''] = /href="(\/likes\/\d+\?before=\d+)"/.exec(body) ?? [];
  t.match((await client.get(older)).body, 'user/p99"');
});

t.test(
  'people see their own bookmarks, page by page, without hidden posts and posts by muted people',
  async (t) => {
    await sql`delete from bookmarks`.execute(db);
    const posts = [await postBy(susan), await postBy(david), await postBy(susan), await postBy(john)];
    for (const postId of [posts[2], posts[0], posts[3], posts[1]]) await client.post(`/bookmark/${postId}`);
    await client.post(`/bookmark/${posts[1]}`);
    await bookmark(db, { userId: david.id, postId: posts[0] ?? 0 });
    const idsIn = (body: string) => [...body.matchAll(/href="\/post\/(\d+)"/g)].map(([, id]) => Number(id));
    const first = await client.get('/bookmarks');
    t.same(idsIn(first.body), [posts[1], posts[3]]);
    const [, older = ''] = /href="(\/bookmarks\?before=\d+)"/.exec(first.body) ?? [];
    t.same(idsIn((await client.get(older)).body), [posts[0], posts[2]]);

    await block(db, { blockerId: john.id, blockedId: david.id }, 'mute');
    await setPostDisabled(db, posts[3] ?? 0, true);
    const { body } = await client.get('/bookmarks');
    t.same(idsIn(body), []);
    t.match(body, '2 posts are not shown');
    await setPostDisabled(db, posts[3] ?? 0, false);
    await sql`delete from blocks`.execute(db);
    t.match((await program.get('/bookmarks/')).json(), {
      posts: [{ url: `/api/v1/posts/${posts[1]}` }, {}],
      count: 4,
    });
    t.match((await (await signedInClient(app, susan)).get('/bookmarks')).body, 'No bookmarks yet.');
    await client.post(`/unbookmark/${posts[1]}`);
    t.same(idsIn((await client.get('/bookmarks')).body), [posts[3], posts[0]]);
    t.match((await client.get('/user/john')).body, 'href="/bookmarks"');
  },
);

t.test('the API likes and bookmarks posts, and repeating it is harmless', async (t) => {
  const postId = await postBy(susan);
  const ask = async (method: 'PUT' | 'DELETE', what: string) =>
    (await program.send({ method, url: `/posts/${postId}/${what}` })).statusCode;
  const etag = async () => (await program.get(`/posts/${postId}`)).headers.etag;
  const before = await etag();
  t.same([await ask('PUT', 'like'), await ask('PUT', 'like'), await ask('PUT', 'bookmark')], [204, 204, 204]);
  t.match((await program.get(`/posts/${postId}`)).json(), { like_count: 1 });
  t.not(await etag(), before, 'the ETag covers the number of likes');
  t.same(
    [await ask('DELETE', 'like'), await ask('DELETE', 'like'), await ask('DELETE', 'bookmark')],
    [204, 204, 204],
  );
  t.match((await program.get(`/posts/${postId}`)).json(), { like_count: 0 });
});

t.test('likes and bookmarks are deleted with their post', async (t) => {
  const mark = { userId: john.id, postId: await postBy(susan) };
  await like(app, mark);
  await bookmark(db, mark);
  await deletePost(db, mark.postId);
  for (const table of ['likes', 'bookmarks'] as const)
    t.same(await db.selectFrom(table).select('id').where('post_id', '=', mark.postId).execute(), []);
});
