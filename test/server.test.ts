import { sql } from 'kysely';
import t, { type Test } from 'tap';
import { listLiveWorkers } from '../src/queue/index.ts';
import { build } from './support/build.ts';
import { createDatabase, createEmptyDatabase } from './support/database.ts';
import { registration } from './support/factories.ts';
import { type RunningProcess, start } from './support/processes.ts';
import { FaultyProxy } from './support/proxy.ts';
import { catchMail } from './support/smtp.ts';
import { submit } from './support/submit.ts';
import { waitFor } from './support/wait-for.ts';

// Mostly waits for processes.
t.jobs = 3;
/**
 * Every way of being started wrong is a line on stderr, an exit code, and no stack trace. Web and worker read their
 * configuration and open their database in the same way, so one of them shows what goes wrong with it.
 */
async function startsWrong(
  t: Test,
  script: string,
  { env, code, message }: { env: Record<string, string>; code: number; message: RegExp },
): Promise<void> {
  const running = start(t, [script, '--no-wait'], { LOG_LEVEL: 'silent', ...env });
  t.equal(await running.exited(), code);
  t.match(running.output, message);
}

t.test('invalid and missing variables end a process with code 2 and one line each', (t) =>
  startsWrong(t, 'src/server.ts', {
    env: { PORT: 'abc' },
    code: 2,
    message: /^PORT: "abc" is not accepted.*\nDATABASE_URL: not set.*\n$/,
  }),
);

t.test('an unreachable database ends a process with code 1 and its password masked', (t) =>
  startsWrong(t, 'src/worker.ts', {
    env: { DATABASE_URL: 'postgres://john:secret@127.0.0.1:1/blog' },
    code: 1,
    message: /^Cannot use the database at postgres:\/\/john:\*\*\*@127.0.0.1:1\/blog: .*ECONNREFUSED.*\n$/,
  }),
);

t.test('started before their database, they wait for it, and they stop although it is silent', async (t) => {
  const proxy = await FaultyProxy.open(t, await createDatabase(t));
  await proxy.refuse();
  const env = { DATABASE_URL: proxy.url, PORT: '0', LOG_LEVEL: 'debug' };
  const [web, worker] = [start(t, ['src/server.ts'], env), start(t, ['src/worker.ts'], env)];
  for (const waiting of [web, worker]) {
    await waiting.prints(/^Cannot use the database at .*ECONNREFUSED.*\. Waiting for it for up to 60 s\.\n/);
  }
  await proxy.accept();
  const site = await urlOf(web);
  await worker.prints('"msg":"working"');
  t.equal(await worker.end('SIGTERM'), 0);

  await fetch(`${site}/archive`);
  proxy.swallow();
  const caught = fetch(`${site}/`);
  await web.prints(/incoming request.*incoming request/s);
  t.equal(await web.end('SIGTERM'), 0);
  t.equal((await caught).status, 503);
});

t.test('an old schema ends a process with code 2 and names npm run migrate', async (t) =>
  startsWrong(t, 'src/server.ts', {
    env: { DATABASE_URL: await createEmptyDatabase(t) },
    code: 2,
    message: /^The database schema is out of date .*npm run migrate\n$/,
  }),
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

t.test('a port in use ends the web process with code 2; a second signal ends one at once', async (t) => {
  const env = { DATABASE_URL: await createDatabase(t), PORT: '0', SHUTDOWN_DRAIN_SECONDS: '60' };
  const first = start(t, ['src/server.ts'], env);
  const { port } = new URL(await urlOf(first));
  const second = start(t, ['src/server.ts'], { ...env, PORT: port, LOG_LEVEL: 'silent' });
  t.equal(await second.exited(), 2, 'for somebody must choose another');
  t.match(second.output, /^Cannot listen on 127\.0\.0\.1:\d+: .*EADDRINUSE/);

  first.child.kill('SIGTERM');
  await first.prints('"msg":"stopping"');
  t.equal(await first.end('SIGTERM'), 1);
  t.match(first.output, 'second SIGTERM, exiting');
});

t.test('with --with-worker, one process serves and works; it drains before it stops', async (t) => {
  const smtp = await catchMail(t);
  const env = {
    DATABASE_URL: await createDatabase(t),
    SMTP_URL: smtp.url,
    PORT: '0',
    SHUTDOWN_DRAIN_SECONDS: '3',
  };
  const running = start(t, ['src/server.ts', '--with-worker'], env);
  const site = await urlOf(running);
  const answer = await submit(`${site}/auth/register`, registration());
  t.equal(answer.status, 303);
  await waitFor(() => smtp.mails.length === 1, 'the mail arrives');

  const statusOf = async (path: string) => (await fetch(`${site}${path}`)).status;
  t.equal(await statusOf('/health/ready'), 200);
  const web = await build(t, { DATABASE_URL: env.DATABASE_URL });
  const exited = running.end('SIGTERM');
  await waitFor(async () => (await statusOf('/health/ready')) === 503, 'load balancers can notice');
  t.equal(await statusOf('/'), 200);
  t.equal(await statusOf('/health/serving'), 503, 'also those that do not ask about the database');
  t.equal(await statusOf('/health/live'), 200);
  await waitFor(async () => (await listLiveWorkers(web.db)).length === 0, 'the worker has left');
  t.equal(await statusOf('/'), 200, 'while pages are still served');
  t.equal(await exited, 0);
  t.match(running.output, '"msg":"stopped"');
});

/** Waits until a web process listens. Returns its URL. */
async function urlOf(web: RunningProcess): Promise<string> {
  const listening = /Server listening at (http:[^"]+)"/;
  await web.prints(listening);
  return listening.exec(web.output)?.[1] ?? '';
}
