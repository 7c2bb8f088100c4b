import t from 'tap';
import { setTextsDisabled } from '../../../src/domain/moderation/texts.ts';
import { pinPost } from '../../../src/domain/posts/pin.ts';
import { deletePost, setPostDisabled } from '../../../src/domain/posts/write.ts';
import { ApiProgram } from '../../support/api.ts';
import { build } from '../../support/build.ts';
import { Client, messagesOf } from '../../support/client.ts';
import { createUser, signedInClient } from '../../support/factories.ts';
import { waitForLock } from '../../support/locks.ts';
import { writePosts } from '../../support/writing.ts';

t.test('an author pins one post to the top of their profile, where it is shown once', async (t) => {
  const app = await build(t, { POSTS_PER_PAGE: '2' });
  const john = await createUser(app);
  const [author, visitor] = [await signedInClient(app, john), new Client(app)];
  await writePosts(app, john, 5);
  const susan = await createUser(app, { username: 'susan' });
  const [hers = 0] = await writePosts(app, susan);
  await pinPost(app.db, susan.id, hers);
  const posts = async (path = '/user/john') =>
    [...(await visitor.get(path)).body.matchAll(/(Pinned|Post \d)</g)].map(([, text]) => text);

  t.match((await author.get('/post/1')).body, 'action="/post/1/pin"');
  const pinned = await author.follow(await author.post('/post/1/pin'));
  t.same(messagesOf(pinned), ['The post is now at the top of your profile.']);
  t.same(await posts(), ['Pinned', 'Post 1', 'Post 5', 'Post 4']);
  const [, older = ''] = /rel="next" href="([^"]+)"/.exec(pinned.body) ?? [];
  t.same(await posts(older), ['Post 3', 'Post 2']);
  await author.post('/post/5/pin');
  const user = await (await ApiProgram.of(app, john)).get(`/users/${john.id}`);
  t.match(user.json(), { pinned_post_url: '/api/v1/posts/5' });
  t.same(await posts(), ['Pinned', 'Post 5', 'Post 4', 'Post 3']);
  await author.post('/post/1/unpin');
  await (await signedInClient(app, susan)).post('/post/5/unpin');
  t.same((await posts())[1], 'Post 5', 'another one is pinned, and not by her');
  t.match((await author.get('/post/5')).body, 'action="/post/5/unpin"');
  await author.post('/post/5/unpin');
  t.same(await posts(), ['Post 5', 'Post 4']);
  t.same(await posts('/user/susan'), ['Pinned', 'Post 1'], 'others’ are not affected');
});

t.test('a deleted or hidden post is no longer pinned', async (t) => {
  const app = await build(t);
  const { db } = app;
  const { id } = await createUser(app);
  const ids = await writePosts(app, { id }, 3);
  const [first = 0, second = 0, third = 0] = ids;
  const { signal } = new AbortController();
  for (const [post, change] of [
    [first, () => setPostDisabled(db, first, true)],
    [second, () => deletePost(db, second)],
    [third, () => setTextsDisabled(db, { userId: id, isDisabled: true }, { signal })],
  ] as const) {
    await pinPost(db, id, post);
    await change();
    const { pinned_post_id: pinned } = await db
      .selectFrom('users')
      .select('pinned_post_id')
      .executeTakeFirstOrThrow();
    t.equal(pinned, null);
    await t.rejects(pinPost(db, id, post), { code: 'not-found' });
  }
});

t.test('a post that is hidden while it is pinned does not stay pinned', async (t) => {
  const app = await build(t);
  const john = await createUser(app);
  const [post = 0] = await writePosts(app, john);
  const pinning = await app.db.transaction().execute(async (trx) => {
    await trx.updateTable('posts').set({ is_disabled: true }).where('id', '=', post).execute();
    const pinning = pinPost(app.db, john.id, post).catch((error: unknown) => error);
    await waitForLock(app.db);
    return { outcome: pinning };
  });
  t.match(await pinning.outcome, { code: 'not-found' });
});
