import pg from 'pg';
import t from 'tap';
import { build } from '../support/build.ts';
import { createUser, signedInClient } from '../support/factories.ts';
import { captureLog } from '../support/log.ts';
import { waitFor } from '../support/wait-for.ts';
import { writePosts } from '../support/writing.ts';

t.test('browsers get a page, other clients get JSON', async (t) => {
  const app = await build(t);
  const ask = (accept: string) => app.inject({ url: '/nowhere', headers: { accept } });

  const page = await ask('text/html,application/xhtml+xml,*/*;q=0.8');
  t.equal(page.statusCode, 404);
  t.match(page.headers['content-type'], 'text/html');
  t.match(page.body, '<h1>Not found</h1>');

  const json = await ask('application/json');
  t.equal(json.statusCode, 404);
  t.same(json.json(), { error: 'not found', message: 'This page does not exist.' });

  t.match((await ask('application/json, text/html;q=0.5')).headers['content-type'], 'text/html');
  t.match((await ask('*/*')).headers['content-type'], 'text/html');
});

t.test('the page for an unknown URL shows who is logged in, and costs visitors no query', async (t) => {
  const app = await build(t);
  const boss = await createUser(app, { username: 'boss', role: 'Administrator' });
  const client = await signedInClient(app, boss);
  for (const path of ['/nowhere', '/admin/nowhere', '/post/99']) {
    const page = await client.get(path);
    t.equal(page.statusCode, 404);
    t.match(page.body, 'href="/user/boss"', path);
    t.match(page.body, 'href="/admin/people"', path);
    t.notMatch(page.body, 'Log in', path);
  }
  let queries = 0;
  app.pool.on('acquire', () => {
    queries += 1;
  });
  t.match((await app.inject('/nowhere')).body, 'Log in');
  t.equal(queries, 0);
});

t.test('a server error reveals no internals and names the log entry', async (t) => {
  const { logger, lines } = captureLog();
  const app = await build(t, {}, { logger });
  await app.db.schema.dropTable('sessions').cascade().execute();
  const page = await app.inject({ url: '/', cookies: { session: 'x' } });
  t.equal(page.statusCode, 500);
  const reference = /<code>([0-9a-f-]{36})<\/code>/.exec(page.body)?.[1];
  t.match(
    lines().find(({ msg }) => msg === 'request failed'),
    { requestId: reference, err: { message: /relation "sessions" does not exist/ } },
  );
  t.notMatch(page.body, /sessions|relation|select/);
});

t.test('a request whose client has left while the process closes is no server error', async (t) => {
  const { logger, lines } = captureLog();
  const app = await build(t, {}, { logger });
  const [postId] = await writePosts(app, await createUser(app));
  const address = await app.listen({ host: '127.0.0.1', port: 0 });
  const lock = new pg.Client({ connectionString: app.config.databaseUrl });
  await lock.connect();
  await lock.query('begin');
  await lock.query('lock table posts');
  const leaving = new AbortController();
  const left = fetch(`${address}/post/${postId}`, { signal: leaving.signal });
  const waiting = 'select from pg_locks where relation = $1::regclass and not granted';
  await waitFor(async () => (await lock.query(waiting, ['posts'])).rowCount, 'it waits for the table');
  leaving.abort();
  await t.rejects(left);
  await app.close();
  await lock.end();
  await waitFor(() => lines().some(({ msg }) => msg === 'request abandoned'), 'it goes on and fails');
  t.same(
    lines().filter(({ level }) => level === 50),
    [],
  );
});

t.test('a URL that cannot be decoded gets a response and does no harm', async (t) => {
  const app = await build(t);
  t.equal((await app.inject('/%ff')).statusCode, 400);
  t.equal(
    (await app.inject({ url: '/%', headers: { accept: 'application/json' } })).json().error,
    'bad request',
  );
});
