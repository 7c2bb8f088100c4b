import { isDeepStrictEqual } from 'node:util';
import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import t, { type Test } from 'tap';
import { scheduleDraft } from '../src/domain/drafts/schedule.ts';
import { jobs } from '../src/jobs/index.ts';
import { hasConsumingWorker } from '../src/queue/index.ts';
import { mailQueue } from '../src/queues.ts';
import { build } from './support/build.ts';
import { Client } from './support/client.ts';
import { createDatabase } from './support/database.ts';
import { createUser, registration, signedInClient } from './support/factories.ts';
import { exportedPost, sendImport, zip } from './support/imports.ts';
import { jobsOf, supervise } from './support/jobs.ts';
import { start } from './support/processes.ts';
import { catchMail, hangingServer } from './support/smtp.ts';
import { waitFor } from './support/wait-for.ts';
import { writeComments, writePosts } from './support/writing.ts';

// Mostly waits for processes.
t.jobs = 4;
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

/** Stops a worker before it writes the rows of a table for which a condition holds. */
async function addStop({ db }: FastifyInstance, table: string, when: string): Promise<void> {
  await sql`
    create or replace function stop_here() returns trigger language plpgsql as
    'begin perform pg_sleep(60); return new; end'
  `.execute(db);
  await sql
    .raw(
      `create trigger stop before insert or update on ${table} for each row when (${when}) execute function stop_here()`,
    )
    .execute(db);
}

/** Kills a worker when as many of its statements have stopped, ends its connections, and removes the stops. */
async function killAtStops(t: Test, { db, config }: FastifyInstance, stops: number): Promise<void> {
  const doomed = start(t, ['src/worker.ts'], { DATABASE_URL: config.databaseUrl ?? '' });
  const stopped = sql`from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'`;
  await waitFor(
    async () => (await sql`select ${stopped}`.execute(db)).rows.length === stops,
    () => `${stops} statements have stopped: ${doomed.output}`,
  );
  t.equal(await doomed.end('SIGKILL'), 'SIGKILL');
  await sql`select pg_terminate_backend(pid) ${stopped}`.execute(db);
  await sql`drop function stop_here cascade`.execute(db);
}

t.test('drafts, notifications and an import of a worker killed at any point are done once', async (t) => {
  const app = await build(t);
  const john = await createUser(app, { username: 'john' });
  const [postId = 0] = await writePosts(app, john);
  for (const body of ['Draft 1', 'Draft 2']) {
    const text = { title: '', body, tags: '' };
    await scheduleDraft(app, john.id, { draft: undefined, text, publishAt: new Date() });
  }
  const susan = await createUser(app, { username: 'susan' });
  await writeComments(app, susan, postId, 2);
  const posts = Array.from({ length: 51 }, (_, index) => exportedPost({ body: `Imported ${index}` }));
  await sendImport(await signedInClient(app, susan), await zip({ 'posts.json': posts }));
  const countJobs = async (state: string) => {
    const { rows } = await sql<{ name: string; count: number }>`
      select name, count(*)::int from pgboss.job
      where name in ('publish-draft', 'notify', 'imports') and state = ${state} group by name order by name
    `.execute(app.db);
    return Object.fromEntries(rows.map(({ name, count }) => [name, count]));
  };
  const bodies = async () =>
    (await app.db.selectFrom('posts').select('body').execute()).map(({ body }) => body).sort();
  const allJobs = { imports: 1, notify: 2, 'publish-draft': 2 };
  const all = ['Post 1', 'Draft 1', 'Draft 2', ...posts.map(({ body }) => String(body))].sort();

  // Of each two, the first is stopped in its transaction, and the second between that and the job's completion.
  await addStop(app, 'posts', `new.body in ('Draft 1', 'Imported 50')`);
  await addStop(app, 'notifications', `new.comment_id = 1`);
  await addStop(app, 'pgboss.job', `new.state = 'completed' and new.name in ('publish-draft', 'notify')`);
  await killAtStops(t, app, 5);
  t.same(await countJobs('active'), allJobs);
  t.same(
    await bodies(),
    all.filter((body) => body !== 'Draft 1' && body !== 'Imported 50'),
  );

  // Another test waits until a heartbeat is missed.
  await sql`update pgboss.job set heartbeat_on = heartbeat_on - interval '1 minute' where state = 'active'`.execute(
    app.db,
  );
  await supervise(t, app);
  await app.queue.work(jobs, { concurrency: 10 });
  await waitFor(async () => isDeepStrictEqual(await countJobs('completed'), allJobs), 'the jobs complete');
  await app.queue.stopWorking();
  t.same(await bodies(), all);
  const notifications = await app.db.selectFrom('notifications').select('comment_id').execute();
  t.same(notifications.map((each) => each.comment_id).sort(), [1, 2]);
  const mails = await jobsOf(app, mailQueue);
  t.equal(mails.filter(({ data }) => data.template === 'import-ended').length, 1);
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
