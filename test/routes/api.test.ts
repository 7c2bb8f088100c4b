import type { FastifyInstance } from 'fastify';
import t from 'tap';
import { follow } from '../../src/domain/follows/follow.ts';
import { ApiProgram, basic } from '../support/api.ts';
import { buildShared } from '../support/build.ts';
import { createUser, PASSWORD, type TestUser } from '../support/factories.ts';

const emptied = await buildShared(t);

/** Flasky's own API tests, for this API. */

/** Flasky's clients send their password with each request. */
function withPassword(app: FastifyInstance, { email }: TestUser, password = PASSWORD): ApiProgram {
  return new ApiProgram(app, basic(email, password));
}

t.test('an unknown URL gets 404 as JSON', async (t) => {
  const app = await emptied();
  const response = await withPassword(app, await createUser(app)).get('/wrong/url');
  t.equal(response.statusCode, 404);
  t.same(response.json(), { error: 'not found' });
});

t.test('a request without credentials gets 401', async (t) => {
  const app = await emptied();
  const response = await new ApiProgram(app).get('/posts/');
  t.equal(response.statusCode, 401);
  t.same(response.json(), { error: 'unauthorized', message: 'Invalid credentials' });
});

t.test('a wrong password gets 401', async (t) => {
  const app = await emptied();
  const user = await createUser(app);
  t.equal((await withPassword(app, user, 'dog').get('/posts/')).statusCode, 401);
});

t.test('a password gets a token, which authenticates but creates no further tokens', async (t) => {
  const app = await emptied();
  const user = await createUser(app);
  t.equal((await new ApiProgram(app, basic('bad-token', '')).get('/posts/')).statusCode, 401);

  const issued = await withPassword(app, user).post('/tokens/');
  t.equal(issued.statusCode, 200);
  t.match(issued.json(), { token: /^[\w-]{43}$/, expiration: 3600 });

  const program = new ApiProgram(app, basic(issued.json().token, ''));
  t.equal((await program.get('/posts/')).statusCode, 200);
  t.equal((await program.post('/tokens/')).statusCode, 401, 'a token cannot create another');
});

t.test('empty credentials get 401', async (t) => {
  const app = await emptied();
  t.equal((await new ApiProgram(app, basic('', '')).get('/posts/')).statusCode, 401);
});

t.test('an unconfirmed account gets 403', async (t) => {
  const app = await emptied();
  const user = await createUser(app, { isConfirmed: false });
  const response = await withPassword(app, user).get('/posts/');
  t.equal(response.statusCode, 403);
  t.same(response.json(), { error: 'forbidden', message: 'Unconfirmed account' });
});

t.test('a post is published, read, listed and edited', async (t) => {
  const app = await emptied();
  const user = await createUser(app);
  const program = withPassword(app, user);

  const empty = await program.post('/posts/', { body: '' });
  t.equal(empty.statusCode, 400);
  t.same(empty.json(), { error: 'bad request', message: 'post does not have a body' });

  const published = await program.post('/posts/', { body: 'body of the *blog* post' });
  t.equal(published.statusCode, 201);
  const url = String(published.headers.location);

  const shown = await program.get(url);
  t.equal(shown.statusCode, 200);
  t.match(shown.json(), {
    url,
    body: 'body of the *blog* post',
    body_html: '<p>body of the <em>blog</em> post</p>',
    author_url: `/api/v1/users/${user.id}`,
    comments_url: `${url}/comments/`,
    comment_count: 0,
  });
  t.same(published.json(), shown.json());

  for (const list of ['posts', 'timeline']) {
    const { posts, count } = (await program.get(`/users/${user.id}/${list}/`)).json();
    t.same(posts, [shown.json()], list);
    t.equal(count, 1, list);
  }

  const edited = await program.put(url, { body: 'updated body' });
  t.equal(edited.statusCode, 200);
  t.match(edited.json(), { url, body: 'updated body', body_html: '<p>updated body</p>' });
});

t.test('a person has their data and links', async (t) => {
  const app = await emptied();
  const john = await createUser(app, { username: 'john' });
  const susan = await createUser(app, { username: 'susan' });
  for (const { id, username } of [john, susan]) {
    const response = await withPassword(app, susan).get(`/users/${id}`);
    t.equal(response.statusCode, 200);
    t.match(response.json(), {
      url: `/api/v1/users/${id}`,
      username,
      posts_url: `/api/v1/users/${id}/posts/`,
      followed_posts_url: `/api/v1/users/${id}/timeline/`,
      post_count: 0,
    });
  }
});

t.test('a comment is published and listed', async (t) => {
  const app = await emptied();
  const john = await createUser(app, { username: 'john' });
  const susan = await createUser(app, { username: 'susan' });
  const post = await withPassword(app, john).post('/posts/', { body: 'body of the post' });
  const commentsUrl = post.json().comments_url;

  const published = await withPassword(app, susan).post(commentsUrl, {
    body: 'Good [post](http://example.com)!',
  });
  t.equal(published.statusCode, 201);
  const url = String(published.headers.location);
  t.match(published.json(), {
    url,
    post_url: post.json().url,
    body: 'Good [post](http://example.com)!',
    author_url: `/api/v1/users/${susan.id}`,
  });
  t.equal(published.json().body_html.replaceAll(/<[^>]*>/g, ''), 'Good post!');

  t.match((await withPassword(app, john).get(url)).json(), { url, body: 'Good [post](http://example.com)!' });

  const second = await withPassword(app, john).post(commentsUrl, { body: 'Thank you!' });
  const ofPost = (await withPassword(app, susan).get(commentsUrl)).json();
  t.equal(ofPost.count, 2);
  t.same(ofPost.comments, [published.json(), second.json()]);
  t.equal((await withPassword(app, susan).get('/comments/')).json().count, 2);
});

t.test('a timeline has the posts of the people one follows', async (t) => {
  const app = await emptied();
  const john = await createUser(app, { username: 'john' });
  const susan = await createUser(app, { username: 'susan' });
  await follow(app, susan.id, john.id);
  await withPassword(app, john).post('/posts/', { body: 'of john' });
  const timeline = await withPassword(app, susan).get(`/users/${susan.id}/timeline/`);
  t.match(timeline.json(), { posts: [{ body: 'of john' }], count: 1 });

  const other = await withPassword(app, susan).get(`/users/${john.id}/timeline/`);
  t.equal(other.statusCode, 403);
  t.same(other.json(), { error: 'forbidden', message: 'Insufficient permissions' });
});
