import type { FastifyInstance } from 'fastify';
import t from 'tap';
import { build, buildShared } from '../../support/build.ts';
import { Client, errorsOf, messagesOf } from '../../support/client.ts';
import { createUser, signedInClient } from '../../support/factories.ts';
import { writeComments, writePosts } from '../../support/writing.ts';

const emptied = await buildShared(t);

async function setUp(own?: Promise<FastifyInstance>) {
  const app = await (own ?? emptied());
  const [john, susan] = [await createUser(app), await createUser(app, { username: 'susan' })];
  const admin = await createUser(app, { username: 'admin', role: 'Administrator' });
  const [postId = 0] = await writePosts(app, john);
  return { app, john, susan, admin, postId };
}

t.test('a post has its own public page', async (t) => {
  const { app, postId } = await setUp();
  const page = await new Client(app).get(`/post/${postId}`);
  t.equal(page.statusCode, 200);
  t.match(page.body, '<p>Post 1</p>');
  t.notMatch(page.body, 'Edit');
  for (const id of ['0', '999', '99999999999', 'abc', '1.5', '-1', '1%00']) {
    t.equal((await new Client(app).get(`/post/${id}`)).statusCode, 404, id);
  }
});

t.test('only its author and Administrators can edit a post', async (t) => {
  const { app, john, susan, admin, postId } = await setUp();
  const url = `/edit/${postId}`;
  t.equal((await (await signedInClient(app, susan)).get(url)).statusCode, 403);
  t.equal((await (await signedInClient(app, susan)).post(url, { body: 'Mine now' })).statusCode, 403);
  t.match((await new Client(app).get(url)).headers.location, '/auth/login?next=');

  for (const person of [john, admin]) {
    const client = await signedInClient(app, person);
    t.match((await client.get(url)).body, '</textarea>');
    const page = await client.follow(await client.post(url, { body: `By *${person.username}*` }));
    t.same(messagesOf(page), ['The post has been updated.']);
    t.match(page.body, `<p>By <em>${person.username}</em></p>`);
  }
  const empty = await (await signedInClient(app, john)).post(url, { body: '' });
  t.equal(empty.statusCode, 422);
  t.same(errorsOf(empty), { body: 'This field is required.' });
});

t.test('one of two simultaneous edits is saved, and the other is refused and keeps its text', async (t) => {
  const { app, john, admin, postId } = await setUp();
  const clients = [await signedInClient(app, john), await signedInClient(app, admin)];
  const answers = await Promise.all(
    clients.map((client, number) => client.post(`/edit/${postId}`, { body: `Text ${number}`, version: '1' })),
  );
  t.same(answers.map(({ statusCode }) => statusCode).sort(), [303, 422]);
  const loser = answers.findIndex(({ statusCode }) => statusCode === 422);
  const page = answers[loser];
  if (page === undefined) return;
  t.match(errorsOf(page).body, 'This post has changed since you started editing.');
  t.match(page.body, `Text ${loser}</textarea>`, 'the text is kept');
  t.match(page.body, 'name="version" value="2"', 'and can be saved over the newer one');
});

t.test('deleting asks for confirmation, is a POST, and deletes the comments too', async (t) => {
  const { app, john, susan, postId } = await setUp();
  await writeComments(app, susan, postId, 2);
  const client = await signedInClient(app, john);
  t.match((await client.get(`/post/${postId}`)).body, 'Delete this post and its comments?');
  t.equal((await client.get(`/post/${postId}/delete`)).headers.location, `/post/${postId}`);
  t.equal((await (await signedInClient(app, susan)).post(`/post/${postId}/delete`)).statusCode, 403);

  const page = await client.follow(await client.post(`/post/${postId}/delete`));
  t.same(messagesOf(page), ['The post has been deleted.']);
  t.equal((await client.get(`/post/${postId}`)).statusCode, 404);
  t.same(await app.db.selectFrom('comments').select('id').execute(), []);
});

t.test('a comment is published, and its author is shown the last page', async (t) => {
  const { app, susan, postId } = await setUp(build(t, { COMMENTS_PER_PAGE: '2' }));
  await writeComments(app, susan, postId, 4);
  const client = await signedInClient(app, susan);
  const response = await client.post(`/post/${postId}`, { body: 'My *word*\nand more' });
  t.equal(response.headers.location, `/post/${postId}?page=-1#comment-5`);
  const page = await client.follow(response);
  t.same(messagesOf(page), [], 'not at the top, out of sight');
  t.match(
    page.body,
    /<li id="comment-5">\s*<p class="message" role="status">Your comment has been published\./,
  );
  t.match(page.body, '<p>My <em>word</em><br />\nand more</p>');
  t.match(page.body, 'Comment 4');
  t.notMatch(page.body, 'Comment 3');
  const older = await client.get(String(/<a rel="prev" href="([^"]+)">Older</.exec(page.body)?.[1]));
  t.same([...older.body.matchAll(/Comment \d/g)].map(String), ['Comment 2', 'Comment 3']);

  const empty = await client.post(`/post/${postId}`, { body: '' });
  t.equal(empty.statusCode, 422);
  t.same(errorsOf(empty), { body: 'This field is required.' });
  t.equal((await client.post('/post/999', { body: 'x' })).statusCode, 404);
  t.match(
    (await new Client(app).post(`/post/${postId}`, { body: 'x' })).headers.location,
    '/auth/login?next=',
  );
});

t.test('a post’s page shows the beginning of long comments, whose own pages show all', async (t) => {
  const { app, john, postId } = await setUp();
  const client = await signedInClient(app, john);
  await writeComments(app, john, postId, 30);
  await app.db
    .updateTable('comments')
    .set({ body_html: '&amp;'.repeat(10_000) })
    .execute();
  await app.db
    .updateTable('comments')
    .set({ body_html: 'é'.repeat(9_000) })
    .where('id', '=', 1)
    .execute();
  await client.post(`/post/${postId}`, { body: `**Once** ${'upon a time '.repeat(4_000)}the end` });
  const first = await client.get(`/post/${postId}`);
  t.same(first.body.match(/\/comment\/[12]\/whole/g), ['/comment/2/whole'], 'characters count, not bytes');
  t.ok(first.body.length < 150_000, `${first.body.length} characters`);
  const last = await client.get(`/post/${postId}?page=-1`);
  t.match(last.body, '<div class="comment-text">Once upon a time');
  const [href = ''] = /\/comment\/31\/whole(?=">Read more)/.exec(last.body) ?? [];
  const own = await new Client(app).get(href);
  t.match(own.body, /<strong>Once<\/strong> upon .* the end/);
  t.match(own.body, 'href="/comment/31"');

  await app.db.updateTable('comments').set({ is_disabled: true }).where('id', '=', 31).execute();
  t.match((await client.get(href)).body, 'Hidden by a moderator');
  t.notMatch((await client.get(href)).body, 'the end');
  t.equal((await client.get('/comment/32/whole')).statusCode, 404);
});

t.test('a comment can be deleted by its author and Administrators', async (t) => {
  const { app, john, susan, admin, postId } = await setUp();
  const [first = 0, second = 0] = await writeComments(app, susan, postId, 2);
  t.equal((await (await signedInClient(app, john)).post(`/comment/${first}/delete`)).statusCode, 403);
  for (const [person, id] of [
    [susan, first],
    [admin, second],
  ] as const) {
    const client = await signedInClient(app, person);
    const page = await client.follow(await client.post(`/comment/${id}/delete`));
    t.match(
      page.body,
      /<section id="comments".*?<p class="message" role="status">The comment has been deleted\./s,
    );
  }
  t.same(await app.db.selectFrom('comments').select('id').execute(), []);
});

t.test('without permission, nothing is written, whatever form is sent', async (t) => {
  const { app, susan, postId } = await setUp(build(t));
  const client = await signedInClient(app, susan);
  // Every role may write, comment and follow, so an unknown role is needed.
  await app.pool.query('alter table users drop constraint users_role_check');
  await app.pool.query(`update users set role = 'Reader' where id = $1`, [susan.id]);

  for (const [url, fields] of [
    ['/', { body: 'x' }],
    [`/post/${postId}`, { body: 'x' }],
    ['/follow/john', {}],
  ] as const) {
    t.equal((await client.post(url, fields)).statusCode, 403, url);
  }
  t.equal((await client.get(`/post/${postId}`)).statusCode, 200, 'reading is not limited');
  t.same(await app.db.selectFrom('comments').select('id').execute(), []);
  t.equal((await app.db.selectFrom('posts').select('id').execute()).length, 1);
});
