import { sql } from 'kysely';
import t from 'tap';
import { PermanentFailure } from '../../../src/errors.ts';
import { mailQueue } from '../../../src/queue/contracts.ts';
import { defineJob } from '../../../src/queue/job.ts';
import { build } from '../../support/build.ts';
import { Client, messagesOf } from '../../support/client.ts';
import { createUser, signedInClient } from '../../support/factories.ts';
import { deadLettersOf, jobsOf } from '../../support/jobs.ts';
import { waitFor } from '../../support/wait-for.ts';

const payload = { template: 'confirm-account', userId: 1 } as const;

async function setUp(t: Parameters<typeof build>[0]) {
  const app = await build(t, { SHUTDOWN_GRACE_SECONDS: '1' });
  const boss = await createUser(app, { username: 'boss', role: 'Administrator' });
  const client = await signedInClient(app, boss);
  /** Confirms the action. */
  const act = async (fields: Record<string, string>) =>
    messagesOf(await client.follow(await client.post('/admin/jobs/do', fields)));
  return { app, client, act };
}

/** Makes a worker fail every mail until all are in the given state. */
async function failAll(app: Awaited<ReturnType<typeof build>>, error: Error, state: 'failed' | 'retry') {
  const job = defineJob(mailQueue, async () => {
    throw error;
  });
  await app.queue.work([job], { concurrency: 5 });
  await waitFor(
    async () => (await jobsOf(app, mailQueue, ['created', 'active'])).length === 0,
    'all are tried',
  );
  await waitFor(async () => (await jobsOf(app, mailQueue, [state])).length > 0, `they are ${state}`);
  await app.queue.stopWorking();
}

t.test('only Administrators see the dashboard', async (t) => {
  const { app, client } = await setUp(t);
  t.equal((await client.get('/admin/jobs')).statusCode, 200);
  t.match((await client.get('/')).body, 'href="/admin/jobs"');
  t.match((await new Client(app).get('/admin/jobs')).headers.location, /^\/auth\/login/);
  const moderator = await createUser(app, { username: 'susan', role: 'Moderator' });
  const other = await signedInClient(app, moderator);
  t.notMatch((await other.get('/')).body, 'href="/admin/jobs"');
  for (const path of ['', '/list', '/audit', '/ask?action=pause&queue=mail']) {
    t.equal((await other.get(`/admin/jobs${path}`)).statusCode, 403, path);
  }
  t.equal((await other.post('/admin/jobs/do', { action: 'pause', queue: 'mail' })).statusCode, 403);
});

t.test('the overview counts jobs, and warns if jobs wait and no worker is running', async (t) => {
  const { app, client } = await setUp(t);
  t.notMatch((await client.get('/admin/jobs')).body, 'no workers running. Start one');
  await app.queue.send(mailQueue, payload, { db: app.db });
  await app.queue.send(mailQueue, payload, { db: app.db, startAfter: new Date(Date.now() + 60_000) });
  const page = (await client.get('/admin/jobs')).body;
  t.match(page, '1 job waiting, no workers running.');
  t.match(page, /state=ready">1<[\s\S]*state=active">0<[\s\S]*state=deferred">1</);
  t.match(page, /digest<\/th>\s*<td><code>0 7 \* \* 1<\/code>/, 'schedules are shown');

  await app.queue.work([defineJob(mailQueue, () => new Promise<void>(() => {}))], { concurrency: 2 });
  const busy = await waitFor(async () => {
    const { body } = await client.get('/admin/jobs');
    return body.includes('1 of 2 slots in use') && body;
  }, 'the worker has told what it does');
  t.notMatch(busy, 'no workers running');
  t.match(busy, /<a href="\/admin\/jobs\/job\/mail\/[0-9a-f-]{36}">mail<\/a>, attempt 1/);
});

t.test('jobs can be filtered by queue, state, payload and time, page by page', async (t) => {
  const { app, client } = await setUp(t);
  for (let userId = 1; userId <= 120; userId += 1) {
    await app.queue.send(mailQueue, { template: 'confirm-account', userId }, { db: app.db });
  }
  const idsOn = (body: string) => [...body.matchAll(/job\/mail\/([0-9a-f-]{36})/g)].map(([, id]) => id);
  const first = (await client.get('/admin/jobs/list?queue=mail&state=ready')).body;
  const seen = idsOn(first);
  let next = /href="([^"]+)">Older jobs/.exec(first)?.[1]?.replaceAll('&amp;', '&');
  while (next !== undefined) {
    const { body } = await client.get(next);
    seen.push(...idsOn(body));
    next = /href="([^"]+)">Older jobs/.exec(body)?.[1]?.replaceAll('&amp;', '&');
  }
  t.equal(new Set(seen).size, 120);
  t.equal(idsOn((await client.get('/admin/jobs/list?text=%22userId%22%3A%20117')).body).length, 1);
  t.equal(idsOn((await client.get('/admin/jobs/list?state=failed')).body).length, 0);
  t.equal(idsOn((await client.get('/admin/jobs/list?until=2020-01-01T00:00')).body).length, 0);
  t.equal(idsOn((await client.get('/admin/jobs/list?from=2020-01-01T00:00')).body).length, 50);
  t.equal((await client.get('/admin/jobs/list?queue=nonsense')).statusCode, 404);
  t.equal((await client.get('/admin/jobs/list?state=nonsense')).statusCode, 404);
});

t.test('a job’s page shows every attempt and no secrets', async (t) => {
  const { app, client } = await setUp(t);
  await app.queue.send(mailQueue, payload, { db: app.db });
  await failAll(app, new Error('the server is <away>'), 'retry');
  await sql`
    update pgboss.job set data = '{"to": [{"apiToken": "top secret", "password": {"x": 1}}], "plain": "seen"}' where name = 'mail'
  `.execute(app.db);
  const [job] = await jobsOf(app, mailQueue);
  const { body } = await client.get(`/admin/jobs/job/mail/${job?.id}`);
  t.match(body, 'seen');
  t.notMatch(body, 'top secret');
  t.notMatch(body, '&quot;x&quot;');
  t.match(
    body,
    /<th scope="row">1<\/th><td>failed<\/td>[\s\S]*<td>[^<]+:\d+<\/td><td>the server is &lt;away&gt;/,
  );
  t.equal((await client.get('/admin/jobs/job/mail/6f1c3e0a-8a0e-4a53-9a51-0a4c0d1d5d11')).statusCode, 404);
  t.equal((await client.get('/admin/jobs/job/mail/nonsense')).statusCode, 404);
  t.equal((await client.get(`/admin/jobs/job/nonsense/${job?.id}`)).statusCode, 404);
});

t.test('every action asks for confirmation, is a POST, and is recorded', async (t) => {
  const { app, client, act } = await setUp(t);
  await app.queue.send(mailQueue, payload, { db: app.db, startAfter: new Date(Date.now() + 3_600_000) });
  const [job] = await jobsOf(app, mailQueue);
  const id = job?.id ?? '';
  const asked = await client.get(`/admin/jobs/ask?action=run&queue=mail&id=${id}`);
  t.match(asked.body, 'Run now: 1 job in mail?');
  t.match(asked.body, '<form method="post" action="/admin/jobs/do">');
  t.equal((await client.get('/admin/jobs/do')).statusCode, 404, 'a link does nothing');

  t.same(await act({ action: 'run', queue: 'mail', id }), ['1 job started.']);
  t.match((await client.get(`/admin/jobs/job/mail/${id}`)).body, '>ready<');
  t.same(await act({ action: 'cancel', queue: 'mail', id }), ['1 job cancelled.']);
  t.match((await client.get(`/admin/jobs/job/mail/${id}`)).body, '>cancelled<');
  t.match((await client.get(`/admin/jobs/ask?action=cancel&queue=mail&id=${id}`)).body, 'No jobs match.');
  t.same(await act({ action: 'delete', queue: 'mail', id }), ['1 job deleted.']);
  t.equal((await client.get(`/admin/jobs/job/mail/${id}`)).statusCode, 404);

  const audit = (await client.get('/admin/jobs/audit')).body;
  t.match(audit, new RegExp(`boss</td><td>1 job deleted\\.</td><td><code>[^<]*id=${id}`));
  t.equal(audit.match(/<td>boss<\/td>/g)?.length, 3);
  t.equal((await client.post('/admin/jobs/do', { action: 'explode' })).statusCode, 404);
});

t.test('an action on a filter affects all matching jobs and no others', async (t) => {
  const { app, client, act } = await setUp(t);
  const payloads = Array.from({ length: 2500 }, (_, index) => ({ ...payload, userId: index + 1 }));
  await app.queue.sendAll(mailQueue, payloads, { db: app.db });
  t.match(
    (await client.get('/admin/jobs/ask?action=cancel&queue=mail&text=%3A%201')).body,
    /Cancel: 1[,\d]* jobs in mail\?/,
  );
  t.same(await act({ action: 'cancel', queue: 'mail', text: '"userId": 1' }), ['1111 jobs cancelled.']);
  t.equal((await jobsOf(app, mailQueue)).length, 1389);
});

t.test('an invalid filter is refused, and never treated as all jobs', async (t) => {
  const { app, client } = await setUp(t);
  await app.queue.send(mailQueue, payload, { db: app.db });
  for (const wrong of [
    { text: 'x'.repeat(201) },
    { from: 'yesterday' },
    { until: '2026-13-01T00:00' },
    { id: 'one' },
  ]) {
    const fields = { action: 'delete', queue: 'mail', ...wrong };
    t.equal((await client.post('/admin/jobs/do', fields)).statusCode, 404, JSON.stringify(wrong));
    t.equal((await client.get(`/admin/jobs/ask?${new URLSearchParams(fields)}`)).statusCode, 404);
  }
  t.equal((await client.get('/admin/jobs/ask?action=delete&queue=mail&text=a&text=b')).statusCode, 404);
  t.equal((await jobsOf(app, mailQueue)).length, 1);
});

t.test('a dead letter can be redriven or its job retried, and runs once either way', async (t) => {
  const { app, client, act } = await setUp(t);
  for (const userId of [1, 2, 3]) {
    await app.queue.send(mailQueue, { template: 'confirm-account', userId }, { db: app.db });
  }
  await failAll(app, new PermanentFailure('there is no such person'), 'failed');
  t.match((await client.get('/admin/jobs')).body, /mail\.dead">3</);
  t.match((await client.get('/admin/jobs/list?queue=mail.dead')).body, 'Redrive');

  const [dead] = await deadLettersOf(app, mailQueue);
  t.match(
    (await client.get(`/admin/jobs/job/mail.dead/${dead?.id}`)).body,
    /href="\/admin\/jobs\/job\/mail\/[0-9a-f-]{36}"/,
  );
  t.same(await act({ action: 'redrive', queue: 'mail.dead', id: dead?.id ?? '' }), ['1 job redriven.']);
  t.equal((await jobsOf(app, mailQueue)).length, 1);
  t.same(await act({ action: 'retry', queue: 'mail' }), ['2 jobs retried.'], 'the redriven one is unchanged');
  t.equal((await jobsOf(app, mailQueue)).length, 3);
  t.same(await deadLettersOf(app, mailQueue), []);
});

t.test('a queue can be paused and resumed, and a schedule run', async (t) => {
  const { app, client, act } = await setUp(t);
  t.same(await act({ action: 'pause', queue: 'mail' }), ['Queue mail paused.']);
  t.match((await client.get('/admin/jobs')).body, '>paused<');
  t.same(await act({ action: 'resume', queue: 'mail' }), ['Queue mail resumed.']);
  t.notMatch((await client.get('/admin/jobs')).body, '>paused<');
  t.same(await act({ action: 'start', queue: 'prune' }), ['1 job started.']);
  t.equal((await app.inject('/health/live')).statusCode, 200);
  const { rows } = await sql`select from pgboss.job where name = 'prune'`.execute(app.db);
  t.equal(rows.length, 1);
  t.equal((await client.post('/admin/jobs/do', { action: 'start', queue: 'mail' })).statusCode, 404);
  t.equal((await client.post('/admin/jobs/do', { action: 'pause', queue: 'nonsense' })).statusCode, 404);
});
