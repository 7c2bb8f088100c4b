import t from 'tap';
import { setCommentDisabled } from '../../../src/domain/comments/write.ts';
import { notifyQueue } from '../../../src/queue/contracts.ts';
import { ApiProgram } from '../../support/api.ts';
import { build } from '../../support/build.ts';
import { createUser } from '../../support/factories.ts';
import { assertEnqueued } from '../../support/jobs.ts';
import { writeComments, writePosts } from '../../support/writing.ts';

t.test('only moderators can read hidden comments', async (t) => {
  const app = await build(t);
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
  const app = await build(t);
  const author = await createUser(app, { username: 'author' });
  const [postId = 0] = await writePosts(app, author);
  const program = await ApiProgram.of(app, await createUser(app, { username: 'susan' }));
  const key = { 'idempotency-key': 'x' };
  await program.post(`/posts/${postId}/comments/`, { body: 'Hello' }, key);
  await program.post(`/posts/${postId}/comments/`, { body: 'Hello' }, key);
  await assertEnqueued(t, app, notifyQueue, [{ about: 'comment' }]);
  t.equal((await program.get('/comments/')).json().count, 1);
});

t.test('authors and Administrators can delete a comment', async (t) => {
  const app = await build(t);
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
  const app = await build(t);
  const program = await ApiProgram.of(app, await createUser(app));
  for (const path of ['/posts/7/comments/', '/users/7', '/users/7/posts/', '/comments/7', '/posts/7']) {
    const response = await program.get(path);
    t.equal(response.statusCode, 404, path);
    t.same(response.json(), { error: 'not found' });
  }
  t.equal((await program.post('/posts/7/comments/', { body: 'x' })).statusCode, 404);
  t.equal((await program.put('/posts/7', { body: 'x' })).statusCode, 404);
});
