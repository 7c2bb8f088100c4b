import { sql } from 'kysely';
import t, { type Test } from 'tap';
import { listLiveWorkers } from '../src/queue/presence.ts';
import { build } from './support/build.ts';
import { createDatabase, createEmptyDatabase } from './support/database.ts';
import { registration } from './support/factories.ts';
import { start } from './support/processes.ts';
import { FaultyProxy } from './support/proxy.ts';
import { catchMail } from './support/smtp.ts';
import { submit } from './support/submit.ts';
import { waitFor } from './support/wait-for.ts';

// Mostly waits for processes.
t.jobs = 3;
const SCRIPTS = ['src/server.ts', 'src/worker.ts'];

/** Every way of being started wrong is a line on stderr, an exit code, and no stack trace. */
async function startsWrong(
  t: Test,
  env: Record<string, string>,
  { code, message, scripts = SCRIPTS }: { code: number; message: RegExp; scripts?: readonly string[] },
): Promise<void> {
  for (const script of scripts) {
    const running = start(t, [script, '--no-wait'], { LOG_LEVEL: 'silent', ...env });
    t.equal(await running.exited(), code, script);
    t.match(running.output, message, script);
  }
}

t.test('invalid and missing variables end web and worker with code 2 and one line each', (t) =>
  startsWrong(
    t,
    { PORT: 'abc' },
    { code: 2, message: /^PORT: "abc" is not accepted.*\nDATABASE_URL: not set.*\n$/ },
  ),
);

// Web and worker open their database in the same way, so one of them shows what goes wrong with it.
t.test('an unreachable database ends a process with code 1 and its password masked', (t) =>
  startsWrong(
    t,
    { DATABASE_URL: 'postgres://john:secret@127.0.0.1:1/blog' },
    {
      code: 1,
      message: /^Cannot use the database at postgres:\/\/john:\*\*\*@127.0.0.1:1\/blog: .*ECONNREFUSED.*\n$/,
      scripts: ['src/worker.ts'],
    },
  ),
);

t.test('started before their database, they wait for it and say so', async (t) => {
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

t.test('an old schema ends a process with code 2 and names npm run migrate', async (t) =>
  startsWrong(
    t,
    { DATABASE_URL: await createEmptyDatabase(t) },
    {
      code: 2,
      message: /^The database schema is old .*npm run migrate\n$/,
      scripts: ['src/server.ts'],
    },
  ),
);

t.test('a process that cannot begin to work its queues ends, so that it is started again', async (t) => {
  const env = { DATABASE_URL: await createDatabase(t), PORT: '0', LOG_LEVEL: 'silent' };
  const { db } = await build(t, env, { role: 'command' });
  const locking = await db.startTransaction().execute();
  await sql`lock table workers`.execute(locking);
  const running = start(t, ['src/server.ts', '--with-worker'], env);
  t.equal(await running.exited(), 1);
  t.match(running.output, /^Cannot use the database at \S+: canceling statement due to lock timeout\n$/);
  await locking.rollback().execute();
});

t.test(
  'a port in use ends the web process with code 2, for somebody must choose another; SIGTERM ends it cleanly',
  async (t) => {
    const env = { DATABASE_URL: await createDatabase(t), PORT: '0' };
    const first = start(t, ['src/server.ts'], env);
    await first.prints(/Server listening at http:\S+:\d+"/);
    const port = /Server listening at http:\S+:(\d+)"/.exec(first.output)?.[1] ?? '';
    const second = start(t, ['src/server.ts'], { ...env, PORT: port, LOG_LEVEL: 'silent' });
    t.equal(await second.exited(), 2);
    t.match(second.output, /^Cannot listen on 127\.0\.0\.1:\d+: .*EADDRINUSE/);
    t.equal(await first.end('SIGTERM'), 0);
  },
);

t.test('SIGTERM ends the web process although its database is silent', async (t) => {
  const proxy = await FaultyProxy.open(t, await createDatabase(t));
  const env = { DATABASE_URL: proxy.url, PORT: '0', LOG_LEVEL: 'debug' };
  const running = start(t, ['src/server.ts'], env);
  await running.prints(/Server listening at (http:\S+?)"/);
  const site = /Server listening at (http:[^"]+)"/.exec(running.output)?.[1] ?? '';
  await fetch(`${site}/archive`);
  proxy.swallow();
  const caught = fetch(`${site}/`);
  await running.prints(/incoming request.*incoming request/s);
  t.equal(await running.end('SIGTERM'), 0);
  t.equal((await caught).status, 503);
});

t.test(
  'a process that stops says so first, serves until load balancers have noticed, and takes no jobs',
  async (t) => {
    const env = { DATABASE_URL: await createDatabase(t), PORT: '0', SHUTDOWN_DRAIN_SECONDS: '3' };
    const running = start(t, ['src/server.ts', '--with-worker'], env);
    await running.prints(/Server listening at (http:\S+?)"/);
    const site = /Server listening at (http:[^"]+)"/.exec(running.output)?.[1] ?? '';
    const statusOf = async (path: string) => (await fetch(`${site}${path}`)).status;
    t.equal(await statusOf('/health/ready'), 200);
    const web = await build(t, { DATABASE_URL: env.DATABASE_URL });
    const exited = running.end('SIGTERM');
    await waitFor(async () => (await statusOf('/health/ready')) === 503, 'it is not ready');
    t.equal(await statusOf('/'), 200);
    t.equal(await statusOf('/health/live'), 200);
    await waitFor(async () => (await listLiveWorkers(web.db)).length === 0, 'the worker has left');
    t.equal(await statusOf('/'), 200, 'while pages are still served');
    t.equal(await exited, 0);
  },
);

t.test('a second signal ends a process at once', async (t) => {
  const env = { DATABASE_URL: await createDatabase(t), PORT: '0', SHUTDOWN_DRAIN_SECONDS: '60' };
  const running = start(t, ['src/server.ts'], env);
  await running.prints('Server listening');
  running.child.kill('SIGTERM');
  await running.prints('"msg":"stopping"');
  t.equal(await running.end('SIGTERM'), 1);
  t.match(running.output, 'second SIGTERM, exiting');
});

t.test('with --with-worker, one process serves and works, and stops cleanly', async (t) => {
  const smtp = await catchMail(t);
  const env = { DATABASE_URL: await createDatabase(t), SMTP_URL: smtp.url, PORT: '0' };
  const running = start(t, ['src/server.ts', '--with-worker'], env);
  await running.prints(/Server listening at (http:\S+?)"/);
  const site = /Server listening at (http:[^"]+)"/.exec(running.output)?.[1] ?? '';
  const answer = await submit(`${site}/auth/register`, registration());
  t.equal(answer.status, 303);
  await waitFor(() => smtp.mails.length === 1, 'the mail arrives');
  t.equal(await running.end('SIGTERM'), 0);
  t.match(running.output, '"msg":"stopped"');
});
