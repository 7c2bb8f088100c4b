import { createServer } from 'node:net';
import t from 'tap';
import { createDatabase, createEmptyDatabase } from './support/database.ts';
import { registration } from './support/factories.ts';
import { start } from './support/processes.ts';
import { FaultyProxy } from './support/proxy.ts';
import { catchMail } from './support/smtp.ts';
import { waitFor } from './support/wait-for.ts';

// Mostly waits for processes.
t.jobs = 3;
const SIDE_BY_SIDE = { buffered: true };

/** Every start-up error is one line on stderr and an exit code, without a stack trace. */
async function startsWrong(
  t: Parameters<typeof start>[0],
  env: Record<string, string>,
  code: number,
  message: RegExp,
): Promise<void> {
  for (const script of ['src/server.ts', 'src/worker.ts']) {
    const running = start(t, [script, '--no-wait'], { LOG_LEVEL: 'silent', ...env });
    t.equal(await running.exited(), code, script);
    t.match(running.output, message, script);
    t.equal(running.output.trim().split('\n').length, 1, 'one line');
  }
}

t.test('an invalid variable ends web and worker with code 2 and names it', SIDE_BY_SIDE, (t) =>
  startsWrong(
    t,
    { DATABASE_URL: 'postgres://x@127.0.0.1/x', PORT: 'abc' },
    2,
    /^PORT: "abc" is not accepted/,
  ),
);

t.test('without DATABASE_URL they do not start', SIDE_BY_SIDE, (t) =>
  startsWrong(t, {}, 2, /^DATABASE_URL: not set/),
);

t.test('an unreachable database ends them with code 1 and its password masked', SIDE_BY_SIDE, (t) =>
  startsWrong(
    t,
    { DATABASE_URL: 'postgres://john:secret@127.0.0.1:1/blog' },
    1,
    /^Cannot use the database at postgres:\/\/john:\*\*\*@127.0.0.1:1\/blog: .*ECONNREFUSED/,
  ),
);

t.test('started before their database, they wait for it and say so', SIDE_BY_SIDE, async (t) => {
  const proxy = await FaultyProxy.open(t, await createDatabase(t));
  await proxy.refuse();
  const env = { DATABASE_URL: proxy.url, PORT: '0' };
  const [web, worker] = [start(t, ['src/server.ts'], env), start(t, ['src/worker.ts'], env)];
  for (const waiting of [web, worker]) {
    await waiting.prints(/^Cannot use the database at .*ECONNREFUSED.*\. Waiting for it for up to 60 s\.\n/);
  }
  await proxy.accept();
  await web.prints('Server listening');
  await worker.prints('"msg":"working"');
  for (const running of [web, worker]) t.equal(await running.end('SIGTERM'), 0);
});

t.test('an old schema ends them with code 2 and names npm run migrate', SIDE_BY_SIDE, async (t) =>
  startsWrong(
    t,
    { DATABASE_URL: await createEmptyDatabase(t) },
    2,
    /^The database schema is old .*npm run migrate/,
  ),
);

t.test('a port in use ends the web process with code 2', SIDE_BY_SIDE, async (t) => {
  const other = createServer().listen(0, '127.0.0.1');
  t.teardown(() => other.close());
  await new Promise((resolve) => other.once('listening', resolve));
  const { port } = other.address() as { port: number };
  const running = start(t, ['src/server.ts'], {
    DATABASE_URL: await createDatabase(t),
    PORT: String(port),
    LOG_LEVEL: 'silent',
  });
  t.equal(await running.exited(), 2);
  t.match(running.output, /^Cannot listen on 127\.0\.0\.1:\d+: .*EADDRINUSE/);
});

t.test('SIGTERM ends the web process cleanly', SIDE_BY_SIDE, async (t) => {
  const running = start(t, ['src/server.ts'], { DATABASE_URL: await createDatabase(t), PORT: '0' });
  await running.prints('Server listening');
  t.equal(await running.end('SIGTERM'), 0);
});

t.test('SIGTERM ends the web process although its database is silent', SIDE_BY_SIDE, async (t) => {
  const proxy = await FaultyProxy.open(t, await createDatabase(t));
  const running = start(t, ['src/server.ts'], { DATABASE_URL: proxy.url, PORT: '0' });
  await running.prints(/Server listening at (http:\S+?)"/);
  const site = /Server listening at (http:[^"]+)"/.exec(running.output)?.[1] ?? '';
  await fetch(`${site}/archive`);
  proxy.swallow();
  const caught = fetch(`${site}/`);
  await running.prints(/incoming request.*incoming request/s);
  t.equal(await running.end('SIGTERM'), 0);
  t.equal((await caught).status, 503);
});

t.test('with --with-worker, one process serves and works, and stops cleanly', SIDE_BY_SIDE, async (t) => {
  const smtp = await catchMail(t);
  const env = { DATABASE_URL: await createDatabase(t), SMTP_URL: smtp.url, PORT: '0' };
  const running = start(t, ['src/server.ts', '--with-worker'], env);
  await running.prints(/Server listening at (http:\S+?)"/);
  const site = /Server listening at (http:[^"]+)"/.exec(running.output)?.[1] ?? '';
  const answer = await fetch(`${site}/auth/register`, {
    method: 'POST',
    body: new URLSearchParams(registration()),
    redirect: 'manual',
  });
  t.equal(answer.status, 303);
  await waitFor(() => smtp.mails.length === 1, 'the mail arrives');
  t.equal(await running.end('SIGTERM'), 0);
  t.match(running.output, '"msg":"stopped"');
});
