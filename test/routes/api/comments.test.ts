import t from 'tap';
import { publishComment, setCommentDisabled } from '../../../src/domain/comments/write.ts';
import { notifyQueue } from '../../../src/queues.ts';
import { ApiProgram } from '../../support/api.ts';
import { buildShared } from '../../support/build.ts';
import { createUser } from '../../support/factories.ts';
import { assertEnqueued } from '../../support/jobs.ts';
import { writeComments, writePosts } from '../../support/writing.ts';

const emptied = await buildShared(t);

t.test('only moderators can read hidden comments', async (t) => {
  const app = await emptied();
  const author = await createUser(app, { username: 'author' });
  const moderator = await createUser(app, { username: 'moderator', role: 'Moderator' });
  const [postId = 0] = await writePosts(app, author);
  const [commentId = 0] = await writeComments(app, author, postId);
  await setCommentDisabled(app.db, commentId, true);

  for (const path of [`/comments/${commentId}`, '/comments/', `/posts/${postId}/comments/`]) {
    const hidden = await (await ApiProgram.of(app, author)).get(path);
    t.notMatch(hidden.body, 'Comment 1', path);
    t.match(hidden.body, '"body":null,"body_html":null', path);
    const shown = await (await ApiProgram.of(app, moderator)).get(path);
    t.match(shown.body, '"body":"Comment 1"', path);
  }
});

t.test('a comment and its job are one transaction', async (t) => {
  const app = await emptied();
  const author = await createUser(app, { username: 'author' });
  const [postId = 0] = await writePosts(app, author);
  const program = await ApiProgram.of(app, await createUser(app, { username: 'susan' }));
  const key = { 'idempotency-key': 'x' };
  await program.post(`/posts/${postId}/comments/`, { body: 'Hello' }, key);
  await program.post(`/posts/${postId}/comments/`, { body: 'Hello' }, key);
  await assertEnqueued(t, app, notifyQueue, [{ about: 'comment' }]);
  t.equal((await program.get('/comments/')).json().count, 1);
  const text = await app.markdown.comment('Lost');
  const queue = { ...app.queue, send: () => Promise.reject(new Error('the connection is lost')) };
  const comment = publishComment({ db: app.db, queue }, { postId, authorId: author.id, text });
  await t.rejects(comment, { message: 'the connection is lost' });
  t.equal((await program.get('/comments/')).json().count, 1);

  await app.db.updateTable('posts').set({ is_unlisted: true }).execute();
  t.match(
    (await program.get('/comments/')).json(),
    { comments: [], count: 0 },
    'none of a post that no list has',
  );
});

t.test('authors and Administrators can delete a comment', async (t) => {
  const app = await emptied();
  const author = await createUser(app, { username: 'author' });
  const admin = await ApiProgram.of(app, await createUser(app, { username: 'admin', role: 'Administrator' }));
  const other = await ApiProgram.of(app, await createUser(app, { username: 'other' }));
  const [postId = 0] = await writePosts(app, author);
  const [first, second] = await writeComments(app, author, postId, 2);

  t.equal((await other.delete(`/comments/${first}`)).statusCode, 403);
  t.equal((await admin.delete(`/comments/${first}`)).statusCode, 204);
  t.equal((await (await ApiProgram.of(app, author)).delete(`/comments/${second}`)).statusCode, 204);
  t.equal((await other.get('/comments/')).json().count, 0);
});

t.test('comments on a missing post do not exist', async (t) => {
  const app = await emptied();
  const program = await ApiProgram.of(app, await createUser(app));
  for (const path of ['/posts/7/comments/', '/users/7', '/users/7/posts/', '/comments/7', '/posts/7']) {
    const response = await program.get(path);
    t.equal(response.statusCode, 404, path);
    t.same(response.json(), { error: 'not found' });
  }
  t.equal((await program.post('/posts/7/comments/', { body: 'x' })).statusCode, 404);
  t.equal((await program.put('/posts/7', { body: 'x' })).statusCode, 404);
});

t.test('comments can be replied to, and edited for 15 minutes', async (t) => {
  const app = await emptied();
  const author = await createUser(app, { username: 'author' });
  const [postId = 0] = await writePosts(app, author);
  const [parentId] = await writeComments(app, author, postId);
  const program = await ApiProgram.of(app, await createUser(app, { username: 'susan' }));
  const parent = { parent_url: `/api/v1/comments/${parentId}` };
  const key = { 'idempotency-key': 'x' };
  const reply = await program.post(`/posts/${postId}/comments/`, { body: 'Hello', ...parent }, key);
  t.equal(reply.statusCode, 201);
  t.match(reply.json(), { ...parent, edited_at: null });
  t.equal((await program.post(`/posts/${postId}/comments/`, { body: 'Hello' }, key)).statusCode, 422);
  const gone = await program.post(`/posts/${postId}/comments/`, {
    body: 'Hello',
    parent_url: '/api/v1/comments/99',
  });
  t.equal(gone.statusCode, 409);
  t.match(gone.json(), { message: 'The comment you are replying to has been deleted or hidden.' });

  const { url } = reply.json();
  const { etag } = (await program.get(url)).headers;
  const edit = (body: string) => program.put(url, { body }, { 'if-match': String(etag) });
  const edited = await edit('Corrected');
  t.match(edited.json(), { ...parent, body: 'Corrected', edited_at: /^20/ });
  t.not(edited.headers.etag, etag);
  t.equal((await edit('From another program')).statusCode, 412);
  t.equal((await (await ApiProgram.of(app, author)).put(url, { body: 'Mine now' })).statusCode, 403);

  await (await ApiProgram.of(app, author)).delete(parent.parent_url);
  t.equal((await program.get(url)).json().parent_url, null);
  const quarter = new Date(Date.now() - 15 * 60_000);
  await app.db.updateTable('comments').set({ created_at: quarter }).execute();
  const late = await program.put(url, { body: 'Too late' });
  t.equal(late.statusCode, 403);
  t.match(late.json(), { message: 'Comments can be edited for 15 minutes.' });
});
