import t from 'tap';
import { buildShared } from '../../support/build.ts';
import { Client, errorsOf, messagesOf } from '../../support/client.ts';
import { createUser, signedInClient } from '../../support/factories.ts';
import { writeComments, writePosts } from '../../support/writing.ts';

const emptied = await buildShared(t);

async function setUp() {
  const app = await emptied();
  const [susan, john] = [await createUser(app, { username: 'susan' }), await createUser(app)];
  const [postId = 0] = await writePosts(app, john);
  const [commentId = 0] = await writeComments(app, john, postId);
  const reader = await signedInClient(app, susan);
  const moderator = await signedInClient(app, await createUser(app, { username: 'mod', role: 'Moderator' }));
  const queue = async () => (await moderator.get('/moderate/reports')).body;
  return { app, john, postId, commentId, reader, moderator, queue };
}

t.test('people report posts, comments and each other, and moderators see why, but not who', async (t) => {
  const { app, john, postId, commentId, reader, moderator, queue } = await setUp();
  t.match(await queue(), 'No open reports.');
  const page = await reader.get(`/post/${postId}`);
  const links = [...page.body.matchAll(/href="(\/report\/[^"]+)"/g)].map(([, href = '']) => href);
  t.same(
    links.map((href) => href.split('?')[0]),
    [`/report/post/${postId}`, `/report/comment/${commentId}`],
  );
  for (const href of [...links, `/report/person/${john.id}?next=/user/john`]) {
    t.equal((await reader.get(href)).statusCode, 200);
    const back = await reader.post(href, { reason: `Spam <b>here</b>` });
    t.match(back.headers.location, /^\/(post|user)\//);
    t.same(messagesOf(await reader.follow(back)), ['Thanks. A moderator will look at it.']);
  }
  const body = await queue();
  for (const what of ['A post', 'A comment', 'A person']) t.match(body, `<strong>${what}</strong>`);
  t.match(body, 'reported by 1 person');
  t.match(body, 'Spam &lt;b&gt;here');
  for (const text of ['Post 1', 'Comment 1']) t.match(body, `<blockquote>${text}</blockquote>`);
  t.notMatch(body, 'susan');

  const own = await (await signedInClient(app, john)).get(`/post/${postId}`);
  t.notMatch(own.body, '/report/', 'one’s own texts cannot be reported');
  t.notMatch((await new Client(app).get(`/post/${postId}`)).body, '/report/');

  const hidden = await moderator.post(`/moderate/disable/post/${postId}?next=/moderate/reports`);
  t.equal(hidden.headers.location, '/moderate/reports');
  t.match(await queue(), 'Hidden by a moderator');
  t.equal((await reader.post(`/report/post/${postId}`, { reason: 'Spam' })).statusCode, 404);
  for (const [kind, id] of Object.entries({ post: postId, comment: commentId, person: john.id }))
    await moderator.post(`/moderate/reports/${kind}/${id}/close`, { reason: 'Handled' });
  t.match(await queue(), 'No open reports.');
  await moderator.post(`/moderate/reports/post/${postId}/close`);

  const history = (await moderator.get(`/moderate/people/${john.id}`)).body;
  t.same(history.match(/Reports closed[^<]*/g), [
    'Reports closed (1): Handled',
    `Reports closed (1), comment ${commentId}: Handled`,
    `Reports closed (1), post ${postId}: Handled`,
  ]);
  t.notMatch(history, 'susan');
  const activity = (await (await signedInClient(app, john)).get('/auth/activity')).body;
  t.match(activity, 'Post hidden');
  t.notMatch(activity, 'Reports', 'nobody is told that they were reported');
});

t.test('reports from the most people come first, and each person counts once', async (t) => {
  const { app, john, postId, commentId, reader, moderator, queue } = await setUp();
  await reader.post(`/report/comment/${commentId}`, { reason: 'First' });
  await reader.post(`/report/comment/${commentId}`, { reason: 'Second' });
  await reader.post(`/report/person/${john.id}`, { reason: 'Newest' });
  for (const client of [reader, moderator]) await client.post(`/report/post/${postId}`, { reason: 'Spam' });
  const body = await queue();
  t.match(
    body,
    /A post[\s\S]*reported by 2 people[\s\S]*A person[\s\S]*A comment[\s\S]*reported by 1 person[\s\S]*Second/,
  );
  t.notMatch(body, 'First');

  t.same(errorsOf(await reader.post(`/report/post/${postId}`, { reason: ' ' })), {
    reason: 'This field is required.',
  });
  t.equal((await reader.post(`/report/post/${postId}`, { reason: 'x'.repeat(501) })).statusCode, 422);
  const ghost = await createUser(app, { username: 'ghost', isConfirmed: false });
  const missing = ['post/999', 'comment/999', 'person/999', `person/${ghost.id}`, 'post/x'];
  for (const path of missing.map((thing) => `/report/${thing}`))
    for (const client of [reader, moderator])
      t.equal((await client.post(path, { reason: 'Spam' })).statusCode, 404, path);
  await moderator.post(`/moderate/reports/person/${john.id}/close`);
  t.match(await queue(), /A post[\s\S]*A comment/, 'the others stay');
  await app.db.deleteFrom('posts').execute();
  t.match(await queue(), 'No open reports.', 'reports go with what they are about');
});
