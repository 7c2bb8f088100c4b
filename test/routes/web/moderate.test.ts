import t from 'tap';
import { follow } from '../../../src/domain/follows/follow.ts';
import { deletePost } from '../../../src/domain/posts/write.ts';
import { issueTestToken } from '../../support/api.ts';
import { build, buildShared } from '../../support/build.ts';
import { Client, messagesOf } from '../../support/client.ts';
import { createUser, signedInClient } from '../../support/factories.ts';
import { writeComments, writePosts } from '../../support/writing.ts';

const emptied = await buildShared(t);

const NOTICE = 'Hidden by a moderator';

t.test('a disabled comment is hidden from everyone but moderators, even from its author', async (t) => {
  const app = await emptied();
  const [john, susan] = [await createUser(app), await createUser(app, { username: 'susan' })];
  const moderator = await signedInClient(app, await createUser(app, { username: 'mod', role: 'Moderator' }));
  const [postId = 0] = await writePosts(app, john);
  const [commentId] = await writeComments(app, susan, postId);

  t.equal((await moderator.get(`/moderate/disable/${commentId}`)).statusCode, 404, 'a GET changes nothing');
  t.equal((await moderator.post(`/moderate/disable/${commentId}`)).statusCode, 303);

  for (const client of [new Client(app), await signedInClient(app, susan), await signedInClient(app, john)]) {
    const { body } = await client.get(`/post/${postId}`);
    t.match(body, NOTICE);
    t.notMatch(body, 'Comment 1');
  }
  for (const url of [`/post/${postId}`, '/moderate']) {
    const { body } = await moderator.get(url);
    t.match(body, NOTICE);
    t.match(body, 'Comment 1');
  }

  await moderator.post(`/moderate/enable/${commentId}`);
  t.match((await new Client(app).get(`/post/${postId}`)).body, 'Comment 1');
});

t.test('a hidden post is on its own page only, and only moderators can read it there', async (t) => {
  const app = await emptied();
  const [john, susan] = [await createUser(app), await createUser(app, { username: 'susan' })];
  const moderator = await signedInClient(app, await createUser(app, { username: 'mod', role: 'Moderator' }));
  const reader = await signedInClient(app, susan);
  const [spam = 0] = await writePosts(app, john, 2);
  await follow(app, susan.id, john.id);
  await reader.get('/followed');

  const hidden = await moderator.follow(await moderator.post(`/moderate/disable/post/${spam}`));
  t.same(messagesOf(hidden), ['The post is hidden.']);
  t.match(hidden.body, NOTICE);
  t.match(hidden.body, 'Post 1');
  for (const client of [new Client(app), reader, await signedInClient(app, john)]) {
    const { body } = await client.get(`/post/${spam}`);
    t.match(body, NOTICE);
    t.match(body, 'content="noindex');
    t.notMatch(body, 'Post 1');
    t.notMatch(body, 'action="/moderate');
    t.equal((await client.get(`/post/${spam}/feed.atom`)).statusCode, 404);
    t.equal((await client.get(`/api/v1/posts/${spam}`)).statusCode, 401);
  }
  for (const url of ['/', '/user/john', '/feed.json', '/user/john/feed.atom', '/sitemap/posts/1.xml']) {
    for (const client of [new Client(app), reader, moderator]) {
      const { body } = await client.get(url);
      t.notMatch(body, new RegExp(`/post/${spam}\\b`), url);
      t.match(body, new RegExp(`/post/${spam + 1}\\b`), url);
    }
  }
  const token = await issueTestToken(app, susan, { name: 'reader', scope: 'write' });
  const api = async (url: string, method: 'GET' | 'POST' = 'GET') =>
    app.inject({
      method,
      url,
      headers: { authorization: `Bearer ${token}` },
      ...(method === 'POST' && { payload: { body: 'Hello' } }),
    });
  t.equal((await api(`/api/v1/posts/${spam}`)).statusCode, 404);
  t.match((await api('/api/v1/posts/')).json(), { count: 1 });
  t.match((await api(`/api/v1/users/${john.id}/posts/`)).json(), { count: 1 });
  t.match((await api(`/api/v1/users/${susan.id}/timeline/`)).json(), { count: 1 });
  t.equal((await api(`/api/v1/posts/${spam}/comments/`, 'POST')).statusCode, 404);
  t.equal((await reader.post(`/post/${spam}`, { body: 'Hello' })).statusCode, 404);

  await moderator.post(`/moderate/disable/post/${spam}`);
  await moderator.post(`/moderate/enable/post/${spam}`);
  t.match((await reader.get('/')).body, 'Post 1');
  t.match((await api(`/api/v1/users/${john.id}/posts/`)).json(), { count: 2 });
  await moderator.post(`/moderate/disable/post/${spam}`);
  await deletePost(app.db, spam);
  t.match((await api(`/api/v1/users/${john.id}/posts/`)).json(), { count: 1 });
});

t.test('moderators hide and show comments on the post’s page too', async (t) => {
  const app = await build(t, { COMMENTS_PER_PAGE: '2' });
  const john = await createUser(app);
  const [postId = 0] = await writePosts(app, john);
  const [, , third] = await writeComments(app, john, postId, 3);
  const moderator = await signedInClient(app, await createUser(app, { username: 'mod', role: 'Moderator' }));
  const page = `/post/${postId}?page=2`;
  const [, action = ''] =
    /action="(\/moderate\/disable\/\d+\?[^"]+)"/.exec((await moderator.get(page)).body) ?? [];
  t.equal(action, `/moderate/disable/${third}?next=${encodeURIComponent(page)}`);
  t.equal((await moderator.post(action)).headers.location, page);
  t.match((await new Client(app).get(page)).body, NOTICE);
  const elsewhere = await moderator.post(`/moderate/enable/${third}?next=//evil.example`);
  t.equal(elsewhere.headers.location, '/moderate');
});

t.test('the page lists all comments, newest first, and returns to where the moderator was', async (t) => {
  const app = await build(t, { COMMENTS_PER_PAGE: '2' });
  const john = await createUser(app);
  const [postId = 0] = await writePosts(app, john);
  const ids = await writeComments(app, john, postId, 5);
  const moderator = await signedInClient(app, await createUser(app, { username: 'mod', role: 'Moderator' }));

  for (const query of ['?page=2', `?before=${ids[3]}`]) {
    const { body } = await moderator.get(`/moderate${query}`);
    t.same([...body.matchAll(/Comment \d/g)].map(String), ['Comment 3', 'Comment 2']);
    t.match(body, `action="/moderate/disable/${ids[2]}${query}"`);
    const response = await moderator.post(`/moderate/disable/${ids[2]}${query}`);
    t.equal(response.headers.location, `/moderate${query}`);
    await moderator.post(`/moderate/enable/${ids[2]}`);
  }
  t.equal((await moderator.post('/moderate/disable/999999')).statusCode, 404);
});

t.test('only moderators can open the page', async (t) => {
  const app = await emptied();
  t.equal((await new Client(app).get('/moderate')).headers.location, '/auth/login?next=%2Fmoderate');
  const client = await signedInClient(app, await createUser(app));
  t.equal((await client.get('/moderate')).statusCode, 403);
  t.equal((await client.post('/moderate/enable/1')).statusCode, 403);
  t.notMatch((await client.get('/')).body, 'href="/moderate"');
});
