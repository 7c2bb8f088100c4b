import { sql } from 'kysely';
import t from 'tap';
import { block, isBlocked, MAX_BLOCKS, unblock } from '../../../src/domain/blocks/block.ts';
import { follow } from '../../../src/domain/follows/follow.ts';
import { ApiProgram } from '../../support/api.ts';
import { buildShared } from '../../support/build.ts';
import { Client, errorsOf, messagesOf } from '../../support/client.ts';
import { createUser, signedInClient } from '../../support/factories.ts';
import { writeComments, writePosts } from '../../support/writing.ts';

const emptied = await buildShared(t, { FOLLOWERS_PER_PAGE: '2' });

async function setUp() {
  const app = await emptied();
  const [john, susan] = [await createUser(app), await createUser(app, { username: 'susan' })];
  const [byJohn, bySusan] = [await signedInClient(app, john), await signedInClient(app, susan)];
  const pair = { blockerId: john.id, blockedId: susan.id };
  const say = async (client: Client, url: string) => messagesOf(await client.follow(await client.post(url)));
  return { app, john, susan, byJohn, bySusan, pair, say };
}

t.test('a reader who has muted somebody does not see what they write, and nobody else notices', async (t) => {
  const { app, john, susan, byJohn, bySusan, say } = await setUp();
  const [postId = 0] = await writePosts(app, john);
  const [hers = 0] = await writePosts(app, susan);
  await writeComments(app, susan, postId, 2);
  await follow(app, john.id, susan.id);
  const program = await ApiProgram.of(app, john);
  const month = `/archive/${new Date().toISOString().slice(0, 7).replace('-', '/')}`;
  const isSeen = async (client: Client, path: string) => (await client.get(path)).body.includes('by susan"');
  const seenOnPages = async (client: Client) => {
    const seen: boolean[] = [];
    for (const path of ['/', month, `/post/${postId}`]) seen.push(await isSeen(client, path));
    return seen;
  };
  const seenByProgram = async () => {
    const { posts } = (await program.get('/posts/')).json();
    const timeline = (await program.get(`/users/${john.id}/timeline/`)).json();
    const ofPost = (await program.get(`/posts/${postId}/comments/`)).json();
    const { comments } = (await program.get('/comments/')).json();
    return [posts.length, timeline.posts.length, timeline.count, ofPost.comments.length, comments.length];
  };
  t.same(await seenOnPages(byJohn), [true, true, true]);
  t.same(await seenByProgram(), [2, 2, 2, 2, 2]);

  t.same(await say(byJohn, '/mute/SUSAN'), ['You have muted susan.']);
  t.same(await seenOnPages(byJohn), [false, false, false]);
  t.same(await seenByProgram(), [1, 1, 1, 0, 0]);
  t.match(
    (await byJohn.get(`/post/${postId}`)).body,
    'Hidden from this page: 2 comments by people you have <a href="/blocks">muted',
  );
  await byJohn.get('/followed');
  t.equal(await isSeen(byJohn, '/'), false, 'not on the Followed tab');
  await byJohn.get('/all');
  const profile = await byJohn.get('/user/susan');
  t.match(profile.body, 'You have muted susan.');
  t.match(profile.body, 'by susan"', 'their own profile still has their posts');
  t.match(profile.body, 'Unfollow', 'a mute ends no follow');
  t.equal((await byJohn.get(`/post/${hers}`)).statusCode, 200);

  // A page with nothing but her posts is still a page, and leads on.
  await writePosts(app, susan, app.config.postsPerPage);
  const busy = (await byJohn.get('/')).body;
  t.match(busy, `${app.config.postsPerPage} posts by people you have`);
  const older = /href="(\/\?before=\d+)"/.exec(busy)?.[1] ?? '';
  t.match((await byJohn.get(older)).body, 'by john"');
  t.equal((await byJohn.get(`/?after=${hers}`)).statusCode, 200);
  t.equal((await byJohn.get(month)).statusCode, 200);
  await app.db.deleteFrom('posts').where('id', '>', hers).execute();

  t.same(await say(bySusan, '/follow/john'), ['You are now following john.']);
  for (const client of [new Client(app), bySusan]) t.same(await seenOnPages(client), [true, true, true]);
  t.notMatch((await bySusan.get('/user/john')).body, 'muted');
  t.equal(
    (await bySusan.post(`/post/${postId}`, { body: 'Hello' })).statusCode,
    303,
    'she can still comment',
  );
  t.same(await say(byJohn, '/unmute/susan?next=/blocks'), ['susan is no longer muted.']);
  t.same(await seenOnPages(byJohn), [true, true, true]);
});

t.test('a block ends follows, and keeps a person from following and commenting', async (t) => {
  const { app, john, susan, byJohn, bySusan, say } = await setUp();
  const [postId = 0, other = 0] = [...(await writePosts(app, john)), ...(await writePosts(app, susan))];
  await follow(app, john.id, susan.id);
  await follow(app, susan.id, john.id);
  const program = await ApiProgram.of(app, susan);
  const mary = await createUser(app, { username: 'mary' });
  const friends = [
    { follower_id: mary.id, followed_id: john.id },
    { follower_id: susan.id, followed_id: mary.id },
  ];
  for (const { follower_id, followed_id } of friends) await follow(app, follower_id, followed_id);
  await say(byJohn, '/mute/susan');
  t.same(await say(byJohn, '/block/susan'), ['You have blocked susan.']);
  const followsLeft = () => app.db.selectFrom('follows').select(['follower_id', 'followed_id']).execute();
  t.same(await followsLeft(), friends, 'only between the two');
  for (const { id } of [john, susan])
    t.same([await isBlocked(app.db, id, mary.id), await isBlocked(app.db, mary.id, id)], [false, false]);
  t.match((await bySusan.get('/user/john')).body, 'action="/follow/john"', 'she is not told');
  t.notMatch((await bySusan.get('/user/susan')).body, 'You have blocked');
  t.notMatch((await byJohn.get('/user/susan')).body, '/follow/susan"');

  const refused = await bySusan.post('/follow/john');
  t.equal(refused.statusCode, 403);
  t.match(refused.body, 'You cannot follow this person.');
  t.equal((await byJohn.post('/follow/susan')).statusCode, 403, 'not the other way round either');
  t.same(await followsLeft(), friends);
  const comment = await bySusan.post(`/post/${postId}`, { body: 'A long thought' });
  t.equal(comment.statusCode, 403);
  t.same(errorsOf(comment), { body: 'You cannot comment on posts by this person.' });
  t.match(comment.body, 'A long thought</textarea>', 'the text is not lost');
  const answer = await program.post(`/posts/${postId}/comments/`, { body: 'Hello' });
  t.equal(answer.statusCode, 403);
  t.same(answer.json(), { error: 'forbidden', message: 'You cannot comment on posts by this person.' });
  t.equal((await bySusan.post('/post/999', { body: 'Hello' })).statusCode, 404);
  await writeComments(app, mary, postId); // Nobody else is kept from it.
  await writeComments(app, susan, other);
  t.notMatch((await byJohn.get('/')).body, 'by susan"');

  t.same(await say(byJohn, '/mute/susan'), ['You have muted susan.']);
  t.ok(await isBlocked(app.db, susan.id, john.id), 'a mute does not weaken a block');
  t.same(await say(byJohn, '/unmute/susan'), ['susan is no longer muted.']);
  t.ok(await isBlocked(app.db, susan.id, john.id));
  t.same(await say(byJohn, '/unblock/susan'), ['susan is no longer blocked.']);
  t.same(await say(bySusan, '/follow/john'), ['You are now following john.']);
  t.equal((await bySusan.post(`/post/${postId}`, { body: 'Hello' })).statusCode, 303);
});

t.test('a block does not keep moderators from moderating', async (t) => {
  const { app, john, susan, byJohn, bySusan } = await setUp();
  await app.db.updateTable('users').set({ role: 'Moderator' }).where('id', '=', susan.id).execute();
  const [postId = 0] = await writePosts(app, john);
  const [commentId] = await writeComments(app, john, postId);
  await byJohn.post('/block/susan');
  await bySusan.post('/mute/john');
  t.match((await bySusan.get('/moderate')).body, 'Comment 1', 'nor does their own mute');
  t.equal((await bySusan.post(`/moderate/disable/${commentId}`)).statusCode, 303);
  t.equal((await bySusan.post(`/moderate/disable/post/${postId}`)).statusCode, 303);
  const warning = { kind: 'warned', period: '1', reason: 'Spam' };
  t.equal((await bySusan.post(`/moderate/people/${john.id}`, warning)).statusCode, 303);
});

t.test('a follow concurrent with a block does not survive it', async (t) => {
  const { app, susan, john, pair } = await setUp();
  for (let round = 0; round < 20; round += 1) {
    await Promise.allSettled([follow(app, susan.id, john.id), block(app.db, pair, 'block')]);
    t.same(await app.db.selectFrom('follows').selectAll().execute(), []);
    await unblock(app.db, pair, 'block');
  }
});

t.test('the list shows everyone muted or blocked, each with a button to undo it', async (t) => {
  const { app, john, byJohn, bySusan, say } = await setUp();
  t.match((await byJohn.get('/blocks')).body, 'You haven’t muted or blocked anyone.');
  await sql`
    insert into users (email, username, password_hash, role, confirmed_at)
    select 'p' || n || '@example.com', 'p' || n, 'none', 'User', now() from generate_series(1, ${MAX_BLOCKS}::int) as n
  `.execute(app.db);
  for (const url of ['/mute/p1', '/block/p2', '/mute/p3']) await byJohn.post(url);
  const actions = (body: string) => [...body.matchAll(/action="(\/un[^"?]+)/g)].map(([, action]) => action);
  const first = (await byJohn.get('/blocks')).body;
  t.same(actions(first), ['/unmute/p3', '/unblock/p2']);
  const older = /href="(\/blocks\?before[^"]+)"/.exec(first)?.[1] ?? '';
  t.same(actions((await byJohn.get(older)).body), ['/unmute/p1']);
  t.match((await bySusan.get('/blocks')).body, 'You haven’t muted or blocked anyone.');
  await bySusan.post('/mute/p3');
  t.same(await say(byJohn, '/unmute/p3?next=/blocks'), ['p3 is no longer muted.']);
  t.same(actions((await byJohn.get('/blocks')).body), ['/unblock/p2', '/unmute/p1']);
  t.same(actions((await bySusan.get('/blocks')).body), ['/unmute/p3'], 'by john only');
  const program = await ApiProgram.of(app, john);
  t.equal((await program.get('/blocks/')).json().count, 2);

  t.equal((await byJohn.post('/mute/john')).statusCode, 403);
  t.equal((await byJohn.post('/block/nobody')).statusCode, 404);
  const gone = block(app.db, { blockerId: john.id, blockedId: 9_999 }, 'mute');
  await t.rejects(gone, { code: 'not-found' }, 'deleted in the meantime');
  await sql`
    insert into blocks (blocker_id, blocked_id, kind) select ${john.id}, id, 'mute' from users
    where username like 'p%' on conflict do nothing
  `.execute(app.db);
  const full = await byJohn.post('/mute/susan');
  t.equal(full.statusCode, 409);
  t.match(full.body, 'You can mute and block 1000 people at most.');
  t.equal((await byJohn.post('/block/p7')).statusCode, 303, 'a mute can become a block');
});
