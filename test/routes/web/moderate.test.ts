import t from 'tap';
import { build } from '../../support/build.ts';
import { Client } from '../../support/client.ts';
import { createUser, signedInClient } from '../../support/factories.ts';
import { writeComments, writePosts } from '../../support/writing.ts';

const NOTICE = 'Hidden by a moderator';

t.test('a disabled comment is hidden from everyone but moderators, even from its author', async (t) => {
  const app = await build(t);
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
  const app = await build(t);
  t.equal((await new Client(app).get('/moderate')).headers.location, '/auth/login?next=%2Fmoderate');
  const client = await signedInClient(app, await createUser(app));
  t.equal((await client.get('/moderate')).statusCode, 403);
  t.equal((await client.post('/moderate/enable/1')).statusCode, 403);
  t.notMatch((await client.get('/')).body, 'href="/moderate"');
});
