import { sql } from 'kysely';
import t from 'tap';
import { ApiProgram } from '../../support/api.ts';
import { build, buildShared } from '../../support/build.ts';
import { createUser } from '../../support/factories.ts';
import { writeComments, writePosts } from '../../support/writing.ts';

const emptied = await buildShared(t);

t.test('a list links its pages in the body and in Link, and is empty beyond its end', async (t) => {
  const app = await build(t, { POSTS_PER_PAGE: '2' });
  const john = await createUser(app);
  await writePosts(app, john, 5);
  const program = await ApiProgram.of(app, john);

  const seen: string[] = [];
  for (let url: string | null = '/api/v1/posts/'; url !== null; ) {
    const { posts, next, count }: { posts: { body: string }[]; next: string | null; count: number } = (
      await program.get(url)
    ).json();
    seen.push(...posts.map(({ body }) => body));
    t.equal(count, 5);
    url = next;
  }
  t.same(seen, ['Post 5', 'Post 4', 'Post 3', 'Post 2', 'Post 1']);

  const rows = await app.db.selectFrom('posts').select('position').orderBy('position').execute();
  const [, two, three, , five] = rows.map(({ position }) => position);
  const second = await program.get('/posts/?page=2');
  t.match(second.json(), { prev: `/api/v1/posts/?after=${three}`, next: `/api/v1/posts/?before=${two}` });
  t.equal(
    second.headers.link,
    `</api/v1/posts/>; rel="first", </api/v1/posts/?after=${three}>; rel="prev", </api/v1/posts/?before=${two}>; rel="next"`,
  );
  const first = await program.get(second.json().prev);
  t.match(first.json(), { posts: [{ body: 'Post 5' }, { body: 'Post 4' }], prev: null });
  for (const url of ['/posts/?page=500', '/posts/?before=1', `/posts/?after=${five}`])
    t.same((await program.get(url)).json(), { posts: [], prev: null, next: null, count: 5 }, url);

  const ofUser = await program.get(`/users/${john.id}/posts/?page=2`);
  t.match(ofUser.json(), { next: `/api/v1/users/${john.id}/posts/?before=${two}` });
});

t.test('only authors and Administrators can change and delete a post', async (t) => {
  const app = await emptied();
  const author = await createUser(app, { username: 'author' });
  const other = await ApiProgram.of(app, await createUser(app, { username: 'other', role: 'Moderator' }));
  const admin = await ApiProgram.of(app, await createUser(app, { username: 'admin', role: 'Administrator' }));
  const [first, second] = await writePosts(app, author, 2);

  for (const refused of [
    await other.put(`/posts/${first}`, { body: 'x' }),
    await other.delete(`/posts/${first}`),
  ]) {
    t.equal(refused.statusCode, 403);
    t.same(refused.json(), { error: 'forbidden', message: 'Insufficient permissions' });
  }
  t.equal((await admin.put(`/posts/${first}`, { body: 'x' })).statusCode, 200);
  for (const [program, id] of [
    [admin, first],
    [await ApiProgram.of(app, author), second],
  ] as const) {
    const deleted = await program.delete(`/posts/${id}`);
    t.equal(deleted.statusCode, 204);
    t.equal(deleted.body, '');
    for (const response of [await program.get(`/posts/${id}`), await program.delete(`/posts/${id}`)]) {
      t.equal(response.statusCode, 404);
      t.same(response.json(), { error: 'not found' });
    }
  }
});

t.test('a client that already has the response gets 304', async (t) => {
  const app = await emptied();
  const john = await createUser(app);
  const [postId = 0] = await writePosts(app, john);
  const [commentId] = await writeComments(app, john, postId);
  const program = await ApiProgram.of(app, john);
  const paths = [`/posts/${postId}`, '/posts/', `/comments/${commentId}`, '/comments/', `/users/${john.id}`];
  for (const path of paths) {
    const { etag } = (await program.get(path)).headers;
    const unchanged = await program.get(path, { 'if-none-match': `"other", ${etag}` });
    t.equal(unchanged.statusCode, 304, path);
    t.equal(unchanged.body, '');
    t.equal(unchanged.headers.etag, etag);
    t.equal((await program.get(path, { 'if-none-match': '"other"' })).statusCode, 200);
  }

  const { etag } = (await program.get(`/posts/${postId}`)).headers;
  await writeComments(app, john, postId);
  const grown = await program.get(`/posts/${postId}`, { 'if-none-match': String(etag) });
  t.equal(grown.statusCode, 200, 'a new comment changes the ETag');
  t.equal(grown.json().comment_count, 2);
  await app.db.updateTable('posts').set({ body_html: '<p>By a newer renderer</p>' }).execute();
  const renderedAgain = { 'if-none-match': String(grown.headers.etag) };
  t.equal((await program.get(`/posts/${postId}`, renderedAgain)).statusCode, 200, 'so does new HTML');
});

t.test('a stale change of a post is refused with 412', async (t) => {
  const app = await emptied();
  const john = await createUser(app);
  const [id = 0] = await writePosts(app, john);
  const program = await ApiProgram.of(app, john);
  const etag = String((await program.get(`/posts/${id}`)).headers.etag);

  await writeComments(app, john, id);
  const first = await program.put(`/posts/${id}`, { body: 'first' }, { 'if-match': etag });
  t.equal(first.statusCode, 200, 'a new comment does not prevent the edit');
  const second = await program.put(`/posts/${id}`, { body: 'second' }, { 'if-match': etag });
  t.equal(second.statusCode, 412);
  t.match(second.json(), { error: 'precondition failed', message: /changed/ });
  t.equal((await program.get(`/posts/${id}`)).json().body, 'first');

  const newest = String(first.headers.etag);
  for (const ifMatch of ['*', `"0.0.0", ${newest}`]) {
    t.equal((await program.put(`/posts/${id}`, { body: ifMatch }, { 'if-match': ifMatch })).statusCode, 200);
    await app.db.updateTable('posts').set({ version: 2 }).execute();
  }
  for (const ifMatch of ['', 'x', '"x"', `W/"nonsense"`, '"99999999999.0.0"']) {
    const { statusCode } = await program.put(`/posts/${id}`, { body: 'x' }, { 'if-match': ifMatch });
    t.equal(statusCode, 412, ifMatch);
  }

  const racing = await Promise.all(
    ['a', 'b', 'c'].map((body) => program.put(`/posts/${id}`, { body }, { 'if-match': '"2.1.0"' })),
  );
  t.same(racing.map(({ statusCode }) => statusCode).toSorted(), [200, 412, 412], 'one of three succeeds');
});

t.test('a refusal names the field', async (t) => {
  const app = await emptied();
  const program = await ApiProgram.of(app, await createUser(app));
  const refused = await program.post('/posts/', { body: 'x', tags: ['12'] });
  t.equal(refused.statusCode, 422);
  t.match(refused.json(), { error: 'unprocessable entity', message: /^tags: “12” cannot be a tag/ });
});

t.test('a repeated request with the same key is executed once', async (t) => {
  const app = await emptied();
  const john = await createUser(app);
  const program = await ApiProgram.of(app, john);
  const key = { 'idempotency-key': 'key 1' };

  const all = await Promise.all([1, 2, 3, 4, 5].map(() => program.post('/posts/', { body: 'once' }, key)));
  const [first] = all;
  for (const response of all) {
    t.equal(response.statusCode, 201);
    t.same(response.json(), first?.json());
    t.equal(response.headers.location, first?.headers.location);
  }
  t.equal(all.filter(({ headers }) => headers['idempotency-replayed'] === 'true').length, 4);
  t.equal((await program.get('/posts/')).json().count, 1);

  const url = first?.json().url;
  await program.put(url, { body: 'edited' });
  t.equal(
    (await program.post('/posts/', { body: 'once' }, key)).json().body,
    'once',
    'the first answer stays',
  );

  await sql`update idempotency_keys set answer = answer - 'like_count'`.execute(app.db);
  const older = await program.post('/posts/', { body: 'once' }, key);
  t.equal(older.statusCode, 201);
  const { like_count: _, ...earlier } = first?.json() ?? {};
  t.same(older.json(), earlier, 'the answer of an earlier release, which lacks a field, is sent as it was');

  const usedHoursAgo = (hours: number) =>
    app.db
      .updateTable('idempotency_keys')
      .set({ created_at: sql`now() - make_interval(hours => ${hours})` })
      .execute();
  await usedHoursAgo(23);
  const other = await program.post('/posts/', { body: 'twice' }, key);
  t.equal(other.statusCode, 422);
  t.match(other.json(), { error: 'unprocessable entity', message: /Idempotency-Key/ });
  t.equal((await program.post(`${url}/comments/`, { body: 'once' }, key)).statusCode, 422);

  const susan = await ApiProgram.of(app, await createUser(app, { username: 'susan' }));
  const hers = await susan.post('/posts/', { body: 'once' }, key);
  t.equal(hers.headers['idempotency-replayed'], undefined);
  t.same((await susan.post('/posts/', { body: 'once' }, key)).json(), hers.json());
  for (const time of ['first', 'second']) {
    const another = await program.post('/posts/', { body: 'another' }, { 'idempotency-key': 'key 0' });
    t.equal(another.json().body, 'another', time);
  }
  const still = await program.post('/posts/', { body: 'once' }, key);
  t.same(still.json(), earlier, 'neither somebody else’s request nor another key replaces the answer');

  await usedHoursAgo(24);
  const nextDay = await program.post('/posts/', { body: 'twice' }, key);
  t.equal(nextDay.statusCode, 201, 'after a day the key can be used again');
  t.same((await program.post('/posts/', { body: 'twice' }, key)).json(), nextDay.json(), 'for another day');
});

t.test('a refused request does not use up its key', async (t) => {
  const app = await emptied();
  const john = await createUser(app);
  const program = await ApiProgram.of(app, john);
  const key = { 'idempotency-key': 'key' };
  t.equal((await program.post('/posts/', { body: '' }, key)).statusCode, 400);
  t.equal((await program.post('/posts/1/comments/', { body: 'x' }, key)).statusCode, 404);
  t.equal((await program.post('/posts/', { body: 'x' }, key)).statusCode, 201);
  const keyless = await program.post('/posts/', { body: 'x' });
  t.equal(keyless.headers['idempotency-replayed'], undefined);
  t.equal(
    (await program.post('/posts/', { body: 'x' }, { 'idempotency-key': 'k'.repeat(256) })).statusCode,
    400,
  );
});
