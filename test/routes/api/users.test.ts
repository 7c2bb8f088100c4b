import t from 'tap';
import { ApiProgram } from '../../support/api.ts';
import { build } from '../../support/build.ts';
import { Client } from '../../support/client.ts';
import { createUser } from '../../support/factories.ts';
import { writeComments, writePosts } from '../../support/writing.ts';

const app = await build(t, { FOLLOWERS_PER_PAGE: '1' });
const john = await createUser(app);
const susan = await createUser(app, { username: 'susan' });
const david = await createUser(app, { username: 'david' });
const program = await ApiProgram.of(app, john);
const [postId = 0] = await writePosts(app, susan);

const urlOf = ({ id }: { id: number }) => `/api/v1/users/${id}`;
const read = async (path: string) => (await program.get(path)).json();
const statusOf = async (answer: ReturnType<ApiProgram['put']>) => (await answer).statusCode;

t.test('a program learns who owns its token, and what it may do', async (t) => {
  await app.db
    .insertInto('notifications')
    .values({ recipient_id: john.id, kind: 'follow', actor_id: susan.id, cause: 'follow 1' })
    .execute();
  t.match(await read('/me'), {
    url: urlOf(john),
    username: 'john',
    permissions: ['FOLLOW', 'COMMENT', 'WRITE'],
    scope: 'write',
    silenced_until: null,
    unread_notification_count: 1,
  });
  const reader = await ApiProgram.of(app, john, 'read');
  t.match((await reader.get('/me')).json(), { scope: 'read', permissions: ['FOLLOW', 'COMMENT', 'WRITE'] });

  const until = new Date('2999-01-01T00:00:00Z');
  const silence = (silenced_until: Date | null) =>
    app.db.updateTable('users').set({ silenced_until }).where('id', '=', john.id).execute();
  await silence(until);
  t.match(await read('/me'), { permissions: [], silenced_until: until.toISOString() });
  await silence(null);
});

t.test('a person is found by their username until they change it', async (t) => {
  t.match(await read('/users/by-username/SuSan'), {
    url: urlOf(susan),
    html_url: '/user/susan',
    username: 'susan',
    name: '',
    post_count: 1,
    follower_count: 0,
  });
  await app.db.updateTable('users').set({ username: 'suzanne' }).where('id', '=', susan.id).execute();
  t.equal(await statusOf(program.get('/users/by-username/susan')), 404);
  t.match(await read(`/users/${susan.id}`), { username: 'suzanne', html_url: '/user/suzanne' });
  await app.db.updateTable('users').set({ username: 'susan' }).where('id', '=', susan.id).execute();
  t.equal(await statusOf(program.get('/users/by-username/%00')), 404);
});

t.test('people and tags are followed, and listed page by page', async (t) => {
  for (const person of [susan, david, david])
    t.equal(await statusOf(program.put(`/users/${person.id}/follow`)), 204);
  const first = await program.get(`/users/${john.id}/followed/`);
  t.match(first.json(), { users: [{ url: urlOf(david), username: 'david' }], prev: null, count: 2 });
  t.match(first.headers.link, 'rel="next"');
  t.match(await read(first.json().next), { users: [{ username: 'susan' }], next: null });
  t.match(await read(`/users/${david.id}/followers/`), { users: [{ username: 'john' }], count: 1 });
  t.equal(await statusOf(program.delete(`/users/${david.id}/follow`)), 204);
  t.match(await read(`/users/${john.id}/followed/`), { users: [{ username: 'susan' }], count: 1 });
  for (const id of [0, 999]) t.equal(await statusOf(program.put(`/users/${id}/follow`)), 404);

  t.equal(await statusOf(program.put('/tags/Bread/follow')), 204);
  t.match(await read('/followed-tags/'), {
    tags: [{ tag: 'bread', posts_url: '/api/v1/tags/bread/posts/' }],
    count: 1,
  });
  t.equal(await statusOf(program.delete('/tags/bread/follow')), 204);
  t.same(await read('/followed-tags/'), { tags: [], prev: null, next: null, count: 0 });
  t.equal(await statusOf(program.put('/tags/12/follow')), 404);
});

t.test('people are muted and blocked', async (t) => {
  t.equal(await statusOf(program.put(`/users/${susan.id}/mute`)), 204);
  t.match(await read('/blocks/'), { users: [{ url: urlOf(susan), kind: 'mute' }], count: 1 });
  t.same((await read('/posts/')).posts, []);
  t.equal(await statusOf(program.put(`/users/${susan.id}/block`)), 204);
  t.match(await read('/blocks/'), { users: [{ kind: 'block' }], count: 1 });
  t.equal(await statusOf(program.put(`/users/${susan.id}/follow`)), 403);
  t.equal(await statusOf(program.delete(`/users/${susan.id}/block`)), 204);
  t.match(await read('/blocks/'), { users: [], count: 0 });
  t.equal(await statusOf(program.put(`/users/${john.id}/block`)), 403, 'not oneself');
  t.equal(await statusOf(program.put('/users/999/mute')), 404);
});

t.test('an author pins a post', async (t) => {
  const author = await ApiProgram.of(app, susan);
  const pinned = async () => (await read(`/users/${susan.id}`)).pinned_post_url;
  t.equal(await statusOf(program.put(`/posts/${postId}/pin`)), 403);
  t.equal(await statusOf(author.put(`/posts/${postId}/pin`)), 204);
  t.equal(await pinned(), `/api/v1/posts/${postId}`);
  t.equal(await statusOf(author.delete(`/posts/${postId}/pin`)), 204);
  t.equal(await pinned(), null);
});

t.test('lists of likes and followers keep suspended people, like those of posts and comments', async (t) => {
  const davids = await ApiProgram.of(app, david);
  t.equal(await statusOf(davids.put(`/posts/${postId}/like`)), 204);
  t.equal(await statusOf(davids.put(`/users/${susan.id}/follow`)), 204);
  await app.db
    .updateTable('users')
    .set({ suspended_until: new Date('2999-01-01') })
    .where('id', '=', david.id)
    .execute();
  for (const path of [`/posts/${postId}/likes/`, `/users/${susan.id}/followers/`])
    t.match(await read(path), { users: [{ url: urlOf(david), username: 'david' }], count: 1 }, path);
  for (const path of [`/likes/${postId}`, '/followers/susan'])
    t.match((await new Client(app).get(path)).body, 'david', path);
});

t.test('posts, comments and people are reported, with a reason', async (t) => {
  const [commentId = 0] = await writeComments(app, susan, postId);
  const things = [`/posts/${postId}`, `/comments/${commentId}`, `/users/${susan.id}`];
  for (const path of things) {
    t.equal(await statusOf(program.put(`${path}/report`, { reason: 'x' })), 204);
    t.equal(await statusOf(program.put(`${path}/report`, { reason: ' Spam ' })), 204);
  }
  const reports = await app.db.selectFrom('reports').select(['reporter_id', 'reason']).execute();
  t.same(
    reports,
    things.map(() => ({ reporter_id: john.id, reason: 'Spam' })),
  );
  const blank = await program.put(`/posts/${postId}/report`, { reason: ' ' });
  t.match(blank.json(), { error: 'bad request', message: 'report does not have a reason' });
  t.equal(await statusOf(program.put('/posts/999/report', { reason: 'x' })), 404);

  await app.db.updateTable('posts').set({ is_disabled: true }).where('id', '=', postId).execute();
  const moderator = await ApiProgram.of(app, await createUser(app, { username: 'mod', role: 'Moderator' }));
  for (const [reporter, statusCode] of [
    [program, 404],
    [moderator, 204],
  ] as const) {
    t.equal(await statusOf(reporter.put(`/posts/${postId}/report`, { reason: 'x' })), statusCode);
    t.equal(await statusOf(reporter.get(`/posts/${postId}`)), statusCode === 204 ? 200 : 404);
  }
});
