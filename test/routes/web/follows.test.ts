import t from 'tap';
import { follow } from '../../../src/domain/follows/follow.ts';
import { build, buildShared } from '../../support/build.ts';
import { Client, messagesOf } from '../../support/client.ts';
import { createUser, signedInClient } from '../../support/factories.ts';
import { writePosts } from '../../support/writing.ts';

const emptied = await buildShared(t);

t.test('following and unfollowing are POSTs and ignore the name’s case', async (t) => {
  const app = await emptied();
  const [john, susan] = [await createUser(app), await createUser(app, { username: 'Susan' })];
  await follow(app, (await createUser(app, { username: 'ann' })).id, susan.id);
  const client = await signedInClient(app, john);
  const say = async (url: string) => messagesOf(await client.follow(await client.post(url)));

  t.equal((await client.get('/follow/Susan')).statusCode, 404, 'a GET changes nothing');
  t.same(await say('/follow/susan'), ['You are now following Susan.']);
  t.same(await say('/follow/Susan'), ['You are already following this user.']);
  t.match((await client.get('/user/Susan')).body, '2 followers<');
  t.same(await say('/unfollow/SUSAN'), ['You are not following Susan anymore.']);
  t.match((await client.get('/user/Susan')).body, '1 follower<', 'ann still does');
  t.same(await say('/unfollow/Susan'), ['You are not following this user.']);
  t.same(await say('/follow/nobody'), ['Invalid user.']);
  t.same(await say('/unfollow/nobody'), ['Invalid user.']);
  t.match((await new Client(app).post('/follow/Susan')).headers.location, '/auth/login');
});

t.test('people cannot follow themselves, but see their own posts on the Followed tab', async (t) => {
  const app = await emptied();
  const susan = await createUser(app, { username: 'susan' });
  const client = await signedInClient(app, susan);
  const say = async (url: string) => messagesOf(await client.follow(await client.post(url)));
  t.same(await say('/follow/susan'), ['You are already following this user.']);
  t.same(await say('/unfollow/susan'), ['You are not following this user.']);
  t.same(await app.db.selectFrom('follows').selectAll().execute(), []);
  for (const url of ['/followers/susan', '/followed-by/susan'])
    t.match((await client.get(url)).body, 'Nobody yet.');
  await writePosts(app, susan);
  await client.get('/followed');
  t.match((await client.get('/')).body, 'Post 1');
});

t.test('following the same person many times simultaneously happens once', async (t) => {
  const app = await emptied();
  const [john] = [await createUser(app), await createUser(app, { username: 'susan' })];
  const client = await signedInClient(app, john);
  const answers = await Promise.all([1, 2, 3, 4].map(() => client.post('/follow/susan')));
  t.same(
    answers.map(({ statusCode }) => statusCode),
    [303, 303, 303, 303],
  );
  const messages = messagesOf(await client.get('/user/susan')).sort();
  t.same(messages, [
    'You are already following this user.',
    'You are already following this user.',
    'You are already following this user.',
    'You are now following susan.',
  ]);
});

t.test('the lists have pages and dates', async (t) => {
  const app = await build(t, { FOLLOWERS_PER_PAGE: '2' });
  await createUser(app, { username: 'susan' });
  for (const username of ['ann', 'bob', 'cleo']) {
    await (await signedInClient(app, await createUser(app, { username }))).post('/follow/susan');
  }
  const client = new Client(app);
  const names = (body: string) =>
    [...body.matchAll(/<a href="\/user\/(\w+)">\1<\/a> <span/g)].map(([, name]) => name);
  t.same(names((await client.get('/followers/Susan')).body), ['cleo', 'bob']);
  t.same(names((await client.get('/followers/susan?page=2')).body), ['ann']);
  const older = /<a rel="next" href="([^"]+)">Older</.exec((await client.get('/followers/susan')).body)?.[1];
  t.same(names((await client.get(String(older))).body), ['ann']);
  t.same(names((await client.get('/followed-by/ann')).body), ['susan']);
  t.match((await client.get('/followers/susan')).body, /since <time datetime="20/);
  const unknown = await client.get('/followers/nobody');
  t.equal(unknown.statusCode, 404);
  t.match(unknown.body, 'There is no such user.');
});
