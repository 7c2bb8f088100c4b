import t from 'tap';
import { hasConsumingWorker } from '../src/queue/index.ts';
import { mailQueue } from '../src/queues.ts';
import { build } from './support/build.ts';
import { Client } from './support/client.ts';
import { createDatabase } from './support/database.ts';
import { createUser, registration } from './support/factories.ts';
import { jobsOf } from './support/jobs.ts';
import { start } from './support/processes.ts';
import { catchMail, hangingServer } from './support/smtp.ts';
import { waitFor } from './support/wait-for.ts';
import { writePosts } from './support/writing.ts';

// Mostly waits for processes.
t.jobs = 3;
t.test('a worker does all its work although its servers restart, and --check sees it', async (t) => {
  const gone = await catchMail(t);
  const env = { DATABASE_URL: await createDatabase(t), SMTP_URL: gone.url, LOG_LEVEL: 'info' };
  const check = async () => {
    const running = start(t, ['src/worker.ts', '--check'], env);
    return { code: await running.exited(), output: running.output };
  };
  t.same(await check(), { code: 1, output: 'No worker is running.\n' });

  const web = await build(t, env);
  await writePosts(web, await createUser(web, { username: 'writer' }));
  await web.db.updateTable('posts').set({ body_html: 'old', renderer: 0 }).execute();
  const worker = start(t, ['src/worker.ts'], env);
  await worker.prints('"msg":"working"');
  await waitFor(() => hasConsumingWorker(web.db), 'it has looked for jobs');
  t.same(await check(), { code: 0, output: 'A worker is running.\n' });
  const rendered = web.db.selectFrom('posts').select('id').where('body_html', '=', '<p>Post 1</p>');
  await waitFor(() => rendered.executeTakeFirst(), 'a text of an older release is rendered again');

  await gone.close();
  await web.pool.query(
    'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
  );
  await waitFor(async () => {
    const { statusCode } = await new Client(web).post('/auth/register', registration());
    return statusCode === 303;
  }, 'the web process has new connections');
  await worker.prints('ECONNREFUSED');
  const smtp = await catchMail(t, { port: gone.port });
  await waitFor(() => smtp.mails.length === 1, 'the mail arrives');
  await worker.prints(
    /"queue":"mail","jobId":"[0-9a-f-]{36}","attempt":\d,"requestId":"[0-9a-f-]{36}","durationMs":\d+,"ageMs":\d+,"msg":"job completed"/,
  );
  t.equal(worker.child.exitCode, null, 'it is the same process');

  t.notMatch(worker.output, 'Server listening', 'it listens on no port');
  t.equal(await worker.end('SIGTERM'), 0);
  t.notOk(await hasConsumingWorker(web.db), 'it has signed off');
});

t.test('the mail of a worker killed during its job arrives once after a restart', async (t) => {
  const { url, server } = await hangingServer(t);
  const { port } = new URL(url);
  const env = { DATABASE_URL: await createDatabase(t), SMTP_URL: url };
  const web = await build(t, env);
  await new Client(web).post('/auth/register', registration());
  const [job] = await jobsOf(web, mailQueue);

  const doomed = start(t, ['src/worker.ts'], env);
  await new Promise((resolve) => server.once('connection', resolve));
  t.equal((await jobsOf(web, mailQueue, ['active'])).length, 1);
  t.equal(await doomed.end('SIGKILL'), 'SIGKILL');
  await new Promise((resolve) => server.close(resolve));

  const smtp = await catchMail(t, { port: Number(port) });
  start(t, ['src/worker.ts'], env);
  await waitFor(() => smtp.mails.length > 0, 'the mail arrives');
  await waitFor(async () => (await jobsOf(web, mailQueue, ['completed'])).length === 1, 'the job completes');

  t.equal(smtp.mails.length, 1);
  t.equal(smtp.mails[0]?.messageId, `<${job?.id}@localhost>`);
});

t.test('--queues and --concurrency are validated like the environment', async (t) => {
  const env = { DATABASE_URL: 'postgres://x@127.0.0.1:1/x' };
  const running = start(t, ['src/worker.ts', '--queues=mail,nonsense', '--concurrency=many'], env);
  t.equal(await running.exited(), 2);
  t.match(
    running.output,
    /^--queues: "nonsense" is not a queue; choose from mail, [^\n]+\n--concurrency: "many"/,
  );
});

t.test('a stopping worker waits no longer than its grace period, and its job is not lost', async (t) => {
  const { url, server } = await hangingServer(t);
  const env = { DATABASE_URL: await createDatabase(t), SMTP_URL: url, SHUTDOWN_GRACE_SECONDS: '1' };
  const web = await build(t, env);
  await new Client(web).post('/auth/register', registration());
  const worker = start(t, ['src/worker.ts'], env);
  await new Promise((resolve) => server.once('connection', resolve));

  t.equal(await worker.end('SIGTERM'), 0);
  t.equal((await jobsOf(web, mailQueue)).length, 1, 'it waits for the next worker');
});
