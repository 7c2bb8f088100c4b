import { sql } from 'kysely';
import t from 'tap';
import { loadDigest } from '../../../src/domain/digests/load.ts';
import { follow } from '../../../src/domain/follows/follow.ts';
import { setTextsDisabled } from '../../../src/domain/moderation/texts.ts';
import { findPost } from '../../../src/domain/posts/list.ts';
import { setPostDisabled } from '../../../src/domain/posts/write.ts';
import { followTag } from '../../../src/domain/tags/follow.ts';
import { ApiProgram } from '../../support/api.ts';
import { build } from '../../support/build.ts';
import { Client } from '../../support/client.ts';
import { createUser, signedInClient } from '../../support/factories.ts';
import { drain } from '../../support/jobs.ts';
import { writeComments, writePosts } from '../../support/writing.ts';

const app = await build(t, { RATE_LIMITS: 'off' });
const { db } = app;
const john = await createUser(app);
const susan = await createUser(app, { username: 'susan' });
const moderator = await createUser(app, { username: 'molly', role: 'Moderator' });
const author = await signedInClient(app, john);
const reader = await signedInClient(app, susan);
const visitor = new Client(app);
await follow(app, susan.id, john.id);
await followTag(db, susan.id, 'tea');

t.afterEach(async () => {
  await db.deleteFrom('posts').execute();
});

/** A post of John's that only its link leads to. */
async function publish(fields: Record<string, string> = {}): Promise<number> {
  const post = { title: 'Xanadu', body: 'A pleasure dome for @susan', tags: 'tea', visibility: 'unlisted' };
  const { headers } = await author.post('/write', { ...post, ...fields });
  return Number(/^\/post\/(\d+)/.exec(String(headers.location))?.[1]);
}

const columns = () =>
  db
    .selectFrom('posts')
    .select(['is_unlisted', 'is_listed', 'was_listed', 'created_at'])
    .executeTakeFirstOrThrow();

async function postCount(): Promise<number> {
  const { count } = await db
    .selectFrom('users')
    .select('post_count as count')
    .where('id', '=', john.id)
    .executeTakeFirstOrThrow();
  return count;
}

t.test('an unlisted post is in no public list', async (t) => {
  const listed = await publish({ title: 'Kubla', visibility: 'public' });
  const unlisted = await publish();
  for (const id of [listed, unlisted]) await writeComments(app, susan, id);
  const check = (path: string, { statusCode, body }: { statusCode: number; body: string }) => {
    t.equal(statusCode, 200, path);
    t.match(body, new RegExp(`Kubla|/posts?/${listed}\\b`, 'i'), path);
    t.notMatch(body, new RegExp(`Xanadu|/posts?/${unlisted}\\b`, 'i'), path);
  };
  const month = new Date().toISOString().slice(0, 7).replace('-', '/');
  for (const path of [
    ...['/', '/feed.atom', '/feed.json', `/archive/${month}`, '/explore', '/sitemap/posts/1.xml'],
    ...['/user/john', '/user/john/feed.atom', '/user/john/feed.json', '/tag/tea', '/tag/tea.atom'],
    ...['/search?q=pleasure', '/search?q=tag:tea', '/search?q=comment&type=comments'],
  ]) {
    check(path, await visitor.get(path));
    check(path, await reader.get(path));
  }
  check('the Followed tab', await reader.follow(await reader.get('/followed')));
  check('the home page of its author', await author.get('/'));
  const program = await ApiProgram.of(app, susan);
  const timeline = `/users/${susan.id}/timeline/`;
  for (const path of ['/posts/', `/users/${john.id}/posts/`, timeline, '/tags/tea/posts/', '/comments/'])
    check(path, await program.get(path));
  t.equal((await program.get(`/users/${john.id}/posts/`)).json().count, 1);

  const { rows } = await sql<{ week: string }>`select date_trunc('week', now())::date::text as week`.execute(
    db,
  );
  t.match(await loadDigest(db, { userId: susan.id, week: String(rows[0]?.week), timeZone: 'UTC' }), {
    total: 1,
  });
  t.equal(await postCount(), 1);
});

t.test(
  'anyone with the link can read an unlisted post, and search engines are told to skip it',
  async (t) => {
    const id = await publish();
    const page = await visitor.get(`/post/${id}/xanadu`);
    t.equal(page.statusCode, 200);
    t.match(page.body, 'Unlisted: for anyone with the link');
    t.match(page.body, '<meta name="robots" content="noindex">');
    t.notMatch(page.body, 'og:title');
    t.equal((await reader.post(`/post/${id}`, { body: 'Hello' })).statusCode, 303);
    t.equal((await reader.post(`/like/${id}`)).statusCode, 303);
    await drain(app);
    t.match((await reader.get('/notifications')).body, 'mentioned you', 'who is mentioned is addressed');
  },
);

t.test('its author and moderators see an unlisted post, marked, on the profile', async (t) => {
  const id = await publish();
  for (const client of [author, await signedInClient(app, moderator)])
    t.match((await client.get('/user/john')).body, /<p class="pinned quiet">Unlisted<\/p>.*Xanadu/s);
  t.notMatch((await author.get('/user/john')).body, 'posted yet');
  const other = { body: 'Other', body_html: 'Other', is_unlisted: true };
  await db
    .insertInto('posts')
    .values([
      { ...other, author_id: susan.id },
      { ...other, author_id: john.id, is_disabled: true },
    ])
    .execute();
  const program = await ApiProgram.of(app, john);
  const own = (await program.get(`/users/${john.id}/posts/`)).json();
  t.equal(own.posts.length, 1);
  t.match(own, { count: 1, posts: [{ url: `/api/v1/posts/${id}`, visibility: 'unlisted' }] });
  t.equal((await author.post(`/post/${id}/pin`)).statusCode, 404);
  t.notMatch((await author.get(`/post/${id}/xanadu`)).body, '/pin"');
});

t.test('a post can be unlisted and listed again, and the counts follow', async (t) => {
  const [id = 0] = await writePosts(app, john);
  const save = (fields: object) => author.post(`/edit/${id}`, { body: 'Hello', tags: 'tea', ...fields });
  await author.post(`/post/${id}/pin`);
  await save({ visibility: 'unlisted' });
  t.match(await columns(), { is_unlisted: true, is_listed: false, was_listed: true });
  t.equal(await postCount(), 0);
  t.notMatch((await author.get('/user/john')).body, 'Pinned');
  t.match((await author.get(`/edit/${id}`)).body, '<option value="unlisted" selected>');

  await save({});
  t.match(await columns(), { is_unlisted: true }, 'an edit that does not say leaves it');
  t.equal((await save({ visibility: 'secret' })).statusCode, 422);
  await save({ visibility: 'public' });
  t.match(await columns(), { is_listed: true });
  t.equal(await postCount(), 1);
  t.match((await visitor.get('/tag/tea')).body, `/post/${id}`);
});

t.test('being listed for the first time counts as being published', async (t) => {
  const id = await publish();
  await writePosts(app, john);
  const monthAgo = new Date(Date.now() - 30 * 24 * 60 * 60 * 1000);
  const backdate = () => db.updateTable('posts').set({ created_at: monthAgo }).where('id', '=', id).execute();
  const list = async (visibility: string) => {
    await author.post(`/edit/${id}`, { title: 'Xanadu', body: 'Hello', visibility });
    const { createdAt } = await findPost(db, id);
    return createdAt.getTime() > monthAgo.getTime();
  };
  await backdate();
  t.equal(await list('unlisted'), false);
  t.equal(await list('public'), true);
  await db.updateTable('posts').set({ created_at: monthAgo }).where('id', '<>', id).execute();
  t.match((await visitor.get('/')).body, /Xanadu.*Post 1/s);
  const { rows } = await sql<{ isIndexed: boolean }>`
    select words = words_of(posts) as "isIndexed" from posts join post_words using (position) where id = ${id}
  `.execute(db);
  t.same(rows, [{ isIndexed: true }]);
  await backdate();
  await list('unlisted');
  t.equal(await list('public'), false, 'but not the second time');
});

t.test('hiding an unlisted post does not change the counts, and showing it does not list it', async (t) => {
  const id = await publish();
  await writePosts(app, john);
  await setPostDisabled(db, id, true);
  t.equal(await postCount(), 1);
  t.notMatch((await author.get('/user/john')).body, 'Xanadu');
  await author.post(`/edit/${id}`, { title: 'Xanadu', body: 'x', visibility: 'public' });
  t.equal(await postCount(), 1, 'nor does listing a hidden one');
  await author.post(`/edit/${id}`, { title: 'Xanadu', body: 'x', visibility: 'unlisted' });
  await setPostDisabled(db, id, false);
  t.equal(await postCount(), 1);
  const { signal } = new AbortController();
  for (const [isDisabled, count] of [
    [true, 0],
    [false, 1],
  ] as const) {
    await setTextsDisabled(db, { userId: john.id, isDisabled }, { signal });
    t.equal(await postCount(), count);
  }
  t.notMatch((await visitor.get('/user/john')).body, 'Xanadu');
});

t.test('a draft keeps its visibility, even if the form that publishes it does not send it', async (t) => {
  await author.post('/drafts', { title: 'Xanadu', body: 'Later', visibility: 'unlisted' });
  const { id } = await db.selectFrom('drafts').select('id').executeTakeFirstOrThrow();
  t.match((await author.get(`/drafts/${id}`)).body, '<option value="unlisted" selected>');
  await author.post('/write', { title: 'Xanadu', body: 'Now', draft: String(id), version: '1' });
  t.match(await columns(), { is_unlisted: true, was_listed: false });

  await db.deleteFrom('posts').execute();
  await author.post('/drafts', { title: 'Xanadu', body: 'Later', visibility: 'unlisted' });
  const next = await db.selectFrom('drafts').select('id').executeTakeFirstOrThrow();
  const form = { title: 'Xanadu', body: 'Now', draft: String(next.id), version: '1' };
  await author.post('/write', { ...form, visibility: 'public' });
  t.match(await columns(), { is_unlisted: false }, 'unless it sends another');

  const program = await ApiProgram.of(app, john);
  const draft = (await program.post('/drafts/', { body: 'Later', visibility: 'unlisted' })).json();
  await program.put(draft.url, { body: 'Later still' });
  t.match((await program.get(draft.url)).json(), { visibility: 'unlisted' });
  t.match((await program.post(`${draft.url}/publish`)).json(), { visibility: 'unlisted' });
});

t.test('the API can choose the visibility', async (t) => {
  const program = await ApiProgram.of(app, john);
  const { url, visibility } = (await program.post('/posts/', { body: 'x', visibility: 'unlisted' })).json();
  t.equal(visibility, 'unlisted');
  t.match((await program.put(url, { body: 'y' })).json(), { visibility: 'unlisted' });
  t.match((await program.put(url, { body: 'y', visibility: 'public' })).json(), { visibility: 'public' });
  t.equal((await program.put(url, { body: 'y', visibility: 'secret' })).statusCode, 400);
});
