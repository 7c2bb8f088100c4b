import t from 'tap';
import { ApiProgram } from '../../support/api.ts';
import { build, buildShared } from '../../support/build.ts';
import { createUser } from '../../support/factories.ts';

const emptied = await buildShared(t);

t.test('an invalid body is explained by field', async (t) => {
  const app = await emptied();
  const program = await ApiProgram.of(app, await createUser(app));
  const missing = 'post does not have a body';
  for (const [payload, message] of [
    ['', missing],
    ['{}', missing],
    ['null', missing],
    ['{"body":""}', missing],
    ['{"body":null}', missing],
    ['{"body":" \\n\\u00a0"}', missing],
    ['{"body":7}', 'body must be string'],
    ['{"body":["x"]}', 'body must be string'],
    ['[]', 'the body must be a JSON object'],
    ['"x"', 'the body must be a JSON object'],
    [JSON.stringify({ body: 'x'.repeat(50_001) }), 'body must not have more than 50000 characters'],
    ['{"body":"a\\u0000"}', 'body has characters that are not accepted'],
    ['{"body":"a\\ud800"}', 'body has characters that are not accepted'],
    ['{"body":"x","title":"y","id":1}', 'unknown field "id"; accepted: title, body, tags, visibility'],
    ['{"body":"x"', 'The body is not valid JSON in UTF-8.'],
    ['{"body":"x","__proto__":{}}', 'The body is not valid JSON in UTF-8.'],
    [Buffer.from('{"body":"\xff"}', 'latin1'), 'The body is not valid JSON in UTF-8.'],
  ] as const) {
    const headers = { 'content-type': 'application/json' };
    const response = await program.send({ method: 'POST', url: '/posts/', headers, payload });
    t.equal(response.statusCode, 400, String(payload).slice(0, 40));
    t.same(response.json(), { error: 'bad request', message });
  }
  const longest = await program.post('/posts/', { body: '😀'.repeat(50_000) });
  t.equal(longest.statusCode, 201, 'a character counts once, whatever its length in bytes');
  t.equal((await program.post('/posts/1/comments/', {})).json().message, 'comment does not have a body');
});

t.test('an invalid query is explained', async (t) => {
  const app = await emptied();
  const program = await ApiProgram.of(app, await createUser(app));
  for (const [query, message] of [
    ['page=0', 'page must be >= 1'],
    ['page=-1', 'page must be >= 1'],
    ['page=x', 'page must be integer'],
    ['page=1.5', 'page must be integer'],
    ['page=', 'page must be integer'],
    ['page=1&page=2', 'page must be integer'],
    ['page=501', 'page must be <= 500'],
    ['before=-1', 'before must be >= 0'],
    ['after=9007199254740992', 'after must be <= 9007199254740991'],
    ['pgae=2', 'unknown field "pgae"; accepted: page, before, after'],
  ] as const) {
    const response = await program.get(`/posts/?${query}`);
    t.equal(response.statusCode, 400, query);
    t.equal(response.json().message, message, query);
  }
});

t.test('every error is JSON, whatever the client accepts', async (t) => {
  const app = await emptied();
  const program = await ApiProgram.of(app, await createUser(app));
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const json = { 'content-type': 'application/json' };
  for (const [request, status, error] of [
    [{ method: 'POST', url: '/posts/', headers: form, payload: 'body=x' }, 415, 'unsupported media type'],
    [
      { method: 'POST', url: '/posts/', headers: json, payload: `"${'x'.repeat(2 ** 20)}"` },
      413,
      'payload too large',
    ],
    [{ method: 'GET', url: '/nothing/here' }, 404, 'not found'],
    [{ method: 'GET', url: '/posts/%00' }, 404, 'not found'],
    [{ method: 'GET', url: '/posts/%zz' }, 400, 'bad request'],
    [{ method: 'GET', url: `/posts/${'9'.repeat(100)}` }, 404, 'not found'],
    [{ method: 'GET', url: '/posts/1.0' }, 404, 'not found'],
    [{ method: 'GET', url: '/posts/abc' }, 404, 'not found'],
    [{ method: 'GET', url: '/posts/2147483648' }, 404, 'not found'],
    [{ method: 'PATCH', url: '/posts/1' }, 405, 'method not allowed'],
    [{ method: 'GET', url: '/tokens/' }, 405, 'method not allowed'],
    [{ method: 'POST', url: '/openapi.json' }, 405, 'method not allowed'],
  ] as const) {
    for (const accept of ['application/json', 'text/html', '*/*']) {
      const headers = { ...('headers' in request && request.headers), accept };
      const response = await program.send({ ...request, headers });
      t.equal(response.statusCode, status, `${request.method} ${request.url.slice(0, 30)}`);
      t.equal(response.json().error, error);
      t.match(response.headers['content-type'], 'application/json');
    }
  }
});

t.test('an unsupported method gets 405 with the supported ones', async (t) => {
  const app = await emptied();
  const program = new ApiProgram(app);
  t.equal(
    (await program.send({ method: 'DELETE', url: '/posts/' })).headers.allow,
    'GET, HEAD, POST, OPTIONS',
  );
  t.equal(
    (await program.send({ method: 'PATCH', url: '/posts/7' })).headers.allow,
    'GET, HEAD, PUT, DELETE, OPTIONS',
  );
  const options = await program.send({ method: 'OPTIONS', url: '/tokens/' });
  t.equal(options.statusCode, 204);
  t.equal(options.headers.allow, 'POST, OPTIONS');
});

t.test('a list without its trailing slash redirects', async (t) => {
  const app = await emptied();
  const response = await new ApiProgram(app).post('/posts?page=2', { body: 'x' });
  t.equal(response.statusCode, 308);
  t.equal(response.headers.location, '/api/v1/posts/?page=2');
});

t.test('a server error is JSON too and reveals no internals', async (t) => {
  const app = await build(t);
  const program = await ApiProgram.of(app, await createUser(app));
  await app.db.schema.dropTable('comments').cascade().execute();
  await app.db.schema.dropTable('posts').cascade().execute();
  const response = await program.get('/posts/1');
  t.equal(response.statusCode, 500);
  t.match(response.json(), { error: 'internal server error', message: /Something went wrong/ });
  t.notMatch(response.body, 'relation');
});

t.test('other sites’ pages may only call the API if CORS is configured', async (t) => {
  const origin = 'https://reader.example';
  const preflight = {
    method: 'OPTIONS',
    url: '/posts/',
    headers: { origin, 'access-control-request-method': 'POST' },
  } as const;
  const closed = new ApiProgram(await emptied());
  t.equal((await closed.send(preflight)).headers['access-control-allow-origin'], undefined);
  t.equal((await closed.get('/openapi.json', { origin })).headers['access-control-allow-origin'], undefined);

  const open = new ApiProgram(await build(t, { CORS_ORIGINS: `${origin}, http://localhost:8080` }));
  const allowed = await open.send(preflight);
  t.equal(allowed.statusCode, 204);
  t.equal(allowed.headers['access-control-allow-origin'], origin);
  t.match(allowed.headers['access-control-allow-methods'], 'PUT');
  t.equal(allowed.headers['access-control-allow-credentials'], undefined, 'cookies are ignored');
  t.match((await open.get('/posts/', { origin })).headers['access-control-expose-headers'], 'ETag');
  const elsewhere = await open.get('/posts/', { origin: 'https://evil.example' });
  t.not(elsewhere.headers['access-control-allow-origin'], 'https://evil.example');
});
