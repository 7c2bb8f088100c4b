import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import t from 'tap';
import { endBatches } from '../../../src/queue/batch.ts';
import { defineJob, PermanentFailure, recordHistory, step } from '../../../src/queue/index.ts';
import { digestSummaryQueue, erasureQueue, mailQueue } from '../../../src/queues.ts';
import { build, buildShared } from '../../support/build.ts';
import { Client, messagesOf } from '../../support/client.ts';
import { createUser, signedInClient } from '../../support/factories.ts';
import { deadLettersOf, jobsOf } from '../../support/jobs.ts';
import { waitFor } from '../../support/wait-for.ts';

const payload = { template: 'confirm-account', userId: 1 } as const;

const emptied = await buildShared(t);

/** @param own an app for a test whose worker runs until its end */
async function setUp(own?: Promise<FastifyInstance>) {
  const app = await (own ?? emptied());
  const boss = await createUser(app, { username: 'boss', role: 'Administrator' });
  const client = await signedInClient(app, boss);
  /** Confirms the action. */
  const act = async (fields: Record<string, string>) =>
    messagesOf(await client.follow(await client.post('/admin/jobs/do', fields)));
  return { app, client, act };
}

/** Makes a worker fail every mail until all are in the given state. */
async function failAll(app: FastifyInstance, error: Error, state: 'failed' | 'retry') {
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

t.test('only roles with the permission see the dashboard', async (t) => {
  const { app, client } = await setUp();
  t.equal((await client.get('/admin/jobs')).statusCode, 200);
  t.match((await client.get('/')).body, 'href="/admin/jobs"');
  t.match((await new Client(app).get('/admin/jobs')).headers.location, /^\/auth\/login/);
  const moderator = await createUser(app, { username: 'susan', role: 'Moderator' });
  const other = await signedInClient(app, moderator);
  t.notMatch((await other.get('/')).body, 'href="/admin/jobs"');
  for (const path of ['', '/charts', '/list', '/audit', '/ask?action=pause&queue=mail']) {
    t.equal((await other.get(`/admin/jobs${path}`)).statusCode, 403, path);
  }
  t.equal((await other.post('/admin/jobs/do', { action: 'pause', queue: 'mail' })).statusCode, 403);
});

t.test('the overview counts jobs, and warns if jobs wait and no worker is running', async (t) => {
  const { app, client } = await setUp(build(t, { SHUTDOWN_GRACE_SECONDS: '1' }));
  t.notMatch((await client.get('/admin/jobs')).body, 'no workers running. Start one');
  const id = await app.queue.send(mailQueue, payload, { db: app.db });
  await app.queue.send(mailQueue, payload, { db: app.db, startAfter: new Date(Date.now() + 60_000) });
  const page = (await client.get('/admin/jobs')).body;
  t.match(page, '1 job waiting, no workers running.');
  t.match(page, /state=ready">1<[\s\S]*state=active">0<[\s\S]*state=deferred">1</);

  const set = (change: string) =>
    sql`update pgboss.job set ${sql.raw(change)} where id = ${id ?? null}`.execute(app.db);
  await set("state = 'retry', started_on = now(), start_after = now() + interval '1 minute'");
  t.match((await client.get('/admin/jobs')).body, '1 job waiting, no workers running.', 'to be tried again');
  await set("state = 'created', started_on = null, start_after = now()");

  await app.queue.work([defineJob(mailQueue, () => new Promise<void>(() => {}))], { concurrency: 2 });
  const busy = await waitFor(async () => {
    const { body } = await client.get('/admin/jobs');
    return body.includes('1 of 2 slots in use') && body;
  }, 'the worker has told what it does');
  t.notMatch(busy, 'no workers running');
  t.match(busy, /<a href="\/admin\/jobs\/job\/mail\/[0-9a-f-]{36}">mail<\/a>, attempt 1/);
});

t.test('jobs can be filtered by queue, state, payload and time, page by page', async (t) => {
  const { app, client } = await setUp();
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

t.test('a job’s page shows its flow as a tree, with links', async (t) => {
  const { app, client } = await setUp();
  const { db, queue } = app;
  const one = step(erasureQueue, { userId: 1 });
  const two = step(erasureQueue, { userId: 2 });
  const last = step(mailQueue, payload, { after: [one, two] });
  const [id = '', first = ''] = await queue.flow([last, one], { db });
  const body = (await client.get(`/admin/jobs/job/mail/${id}`)).body.replaceAll(/\s+/g, ' ');
  const link =
    '<a href="/admin/jobs/job/erasure/\\S{36}">erasure \\S{8}</a> <span class="badge ready">ready</span>';
  const itself = `<b>mail ${id.slice(0, 8)}</b> <span class="badge blocked">blocked</span>`;
  t.match(body, new RegExp(`<li>${link} <ul class="tree"> <li>${itself} also after ${link}`));
  const before = (await client.get(`/admin/jobs/job/erasure/${first}`)).body;
  t.match(before, `href="/admin/jobs/job/mail/${id}"`);
  t.notMatch(before, 'action=delete', 'a job that another waits for cannot be deleted');
  t.match((await client.get('/admin/jobs/list?state=blocked')).body, id);
  const overview = (await client.get('/admin/jobs')).body;
  t.match(overview, /mail<\/a><\/th>\s*<td data-label="Ready" class="zero"/);
  t.match(
    overview,
    /<td data-label="Blocked"><a href="\/admin\/jobs\/list\?queue=mail&amp;state=blocked">1</,
  );
});

t.test('the pages of a batch count its jobs, with links to lists of them', async (t) => {
  const { app, client } = await setUp();
  const { db, queue } = app;
  const batch = await db.transaction().execute(async (trx) => {
    const started = await queue.startBatch(digestSummaryQueue, { week: '2026-11-23' }, { db: trx });
    await queue.sendAll(mailQueue, [payload, payload], { db: trx, batch: started });
    return started;
  });
  const [follower] = await jobsOf(app, digestSummaryQueue);
  const show = async () => (await client.get(`/admin/jobs/job/digest-summary/${follower?.id}`)).body;
  t.match(
    await show(),
    'This job starts when 2 jobs have ended, successfully or not. More jobs are being added.',
  );
  t.match(await show(), `<a href="/admin/jobs/list?text=batchId%3A${batch.id}">2</a>`);

  await failAll(app, new PermanentFailure('out of luck'), 'failed');
  await queue.closeBatch(batch, { db });
  t.match(await show(), `<a href="/admin/jobs/list?text=batchId%3A${batch.id}&amp;state=failed">2</a>`);
  const listed = (await client.get(`/admin/jobs/list?text=batchId%3A${batch.id}&state=failed`)).body;
  t.equal(listed.match(/job\/mail\/[0-9a-f-]{36}/g)?.length, 2);
  const [{ id: dead = '' } = {}] = await deadLettersOf(app, mailQueue);
  t.match((await client.get(`/admin/jobs/job/mail.dead/${dead}`)).body, 'One of 2 jobs. When all have ended');
  await endBatches(db);
  t.match(await show(), 'This job started when 2 jobs had ended');
});

t.test('a job’s page shows every attempt and no secrets', async (t) => {
  const { app, client } = await setUp();
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
  const { app, client, act } = await setUp();
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
  const { app, client, act } = await setUp();
  const payloads = Array.from({ length: 2500 }, (_, index) => ({ ...payload, userId: index + 1 }));
  await app.queue.sendAll(mailQueue, payloads, { db: app.db });
  t.match(
    (await client.get('/admin/jobs/ask?action=cancel&queue=mail&text=%3A%201')).body,
    /Cancel: 1[,\d]* jobs in mail\?/,
  );
  const fields = { action: 'cancel', queue: 'mail', text: '"userId": 1' };
  for (const count of ['', '1110']) {
    const refused = await client.post('/admin/jobs/do', { ...fields, ...(count && { count }) });
    t.equal(refused.statusCode, 422);
    t.match(refused.body, 'Type 1,111 to confirm', 'the number of many jobs has to be typed');
  }
  t.equal((await jobsOf(app, mailQueue)).length, 2500);
  const { headers } = await client.post('/admin/jobs/do', { ...fields, count: '1,111' });
  const list = await client.get(headers.location ?? '');
  t.same(messagesOf(list), ['1111 jobs cancelled.']);
  t.equal((await jobsOf(app, mailQueue)).length, 1389);

  const undo = /href="([^"]+)">Undo</.exec(list.body)?.[1]?.replaceAll('&amp;', '&') ?? '';
  t.match((await client.get(undo)).body, 'Restore: 1,111 jobs in mail?');
  const restored = { ...Object.fromEntries(new URL(undo, 'http://site').searchParams), count: '1111' };
  t.same(await act(restored), ['1111 jobs restored.']);
  t.equal((await jobsOf(app, mailQueue)).length, 2500);
});

t.test(
  'a search finds what a person sees: fields, people, requests and errors, but no secrets',
  async (t) => {
    const { app, client } = await setUp();
    const susan = await createUser(app, { username: 'susan' });
    await app.queue.send(mailQueue, { template: 'confirm-account', userId: susan.id }, { db: app.db });
    await app.work.run({ label: 'test', requestId: '0b6a9d4e-6a0c-4c53-8f0e-1d1f1c8f3d6b' }, () =>
      app.queue.send(mailQueue, { template: 'two-factor-on', userId: 900_001 }, { db: app.db }),
    );
    await sql`
    insert into pgboss.job (name, data, state, retry_count, start_after, output) values
      ('mail', '{"userId": 900002}', 'retry', 1, now() + interval '1 hour',
        '{"message": "451 <bob@example.com> Try again, 10.1.2.3"}'),
      ('mail', '{"apiToken": "hushhush", "userId": 900003}', 'created', 0, now(), null)
  `.execute(app.db);
    const usersFound = async (text: string, asker = client) => {
      const { body } = await asker.get(`/admin/jobs/list?${new URLSearchParams({ text })}`);
      return [...body.matchAll(/title="[^"]*userId&quot;:(\d+)/g)].map(([, id]) => Number(id));
    };
    t.same(await usersFound('template:confirm-account'), [susan.id]);
    t.same(await usersFound('userId:900001 template:two-factor-on'), [900_001]);
    t.same(await usersFound('userId:900001 template:confirm-account'), []);
    for (const person of ['susan', '@Susan', 'SUSAN@example.com']) {
      t.same(await usersFound(person), [susan.id], person);
    }
    await sql`
      with asked as (
        insert into subscriptions (author_id, email, asked_at)
        select ${susan.id}::int, name || '@example.com', now() from unnest('{susan,ann}'::text[]) as name returning id, email
      )
      insert into pgboss.job (name, data)
      select 'mail', jsonb_build_object('subscriptionId', id, 'userId', case when email ~ 'ann' then 900004 else 900005 end)
      from asked
    `.execute(app.db);
    t.same(await usersFound('ann@example.com'), [900_004], 'the subscription of an address');
    t.same(await usersFound('0b6a9d4e-6a0c-4c53-8f0e-1d1f1c8f3d6b'), [900_001]);
    t.same(await usersFound('451 try'), [900_002], 'words of the error');
    t.same(await usersFound('bob@example.com'), [900_002]);
    for (const secret of ['hushhush', 'apiToken:hushhush', '"apiToken"']) {
      t.same(await usersFound(secret), [], secret);
    }
    t.same(await usersFound('%'), [], 'it is no pattern');

    const viewer = await signedInClient(app, await createUser(app, { username: 'vera', role: 'Viewer' }));
    const seen = (await viewer.get('/admin/jobs/list')).body;
    t.match(seen, '451 &lt;[address]&gt; Try again, [address]');
    t.notMatch(seen, 'Retry</a>', 'and is offered no action');
    t.same(await usersFound('susan', viewer), [susan.id], 'names are public');
    t.same(await usersFound('susan@example.com', viewer), [], 'addresses are not');
    for (const hidden of ['bob@example.com', '10.1.2.3'])
      t.same(await usersFound(hidden, viewer), [], hidden);
    await app.queue.send(
      mailQueue,
      { template: 'new-login', userId: susan.id, address: '2001:db8::1' },
      { db: app.db },
    );
    t.same(await usersFound('address:2001:db8::1'), [susan.id]);
    t.same(await usersFound('address:2001:db8::1', viewer), []);
    t.same(await usersFound('2001:db8::1'), [susan.id], 'part of the payload');
    t.same(await usersFound('2001:db8::1', viewer), []);
    await client.post('/admin/jobs/do', { action: 'delete', queue: 'mail', text: 'bob@example.com' });
    t.match((await client.get('/admin/jobs/audit')).body, 'bob%40example.com');
    t.notMatch((await viewer.get('/admin/jobs/audit')).body, 'bob%40');
  },
);

t.test('a search without an index continues where it stopped', async (t) => {
  const { app, client } = await setUp();
  await sql`
    insert into pgboss.job (name, data, state, created_on)
    select 'mail', jsonb_build_object('userId', n, 'about', 'all'), 'completed', now() - n * interval '1 s'
    from generate_series(1, 10500) n
  `.execute(app.db);
  t.match((await client.get('/admin/jobs/list?text=userId:10400')).body, '>mail ', 'an index finds a field');
  const first = (await client.get('/admin/jobs/list?queue=mail&text=%3A+10400')).body;
  t.match(first, 'No matching jobs. Searched back to');
  const frequent = (await client.get('/admin/jobs/list?queue=mail&text=about:all+:10400')).body;
  t.match(frequent, 'No matching jobs. Searched back to', 'unless it would find too many');
  const next = /href="([^"]+)">Search older jobs/.exec(first)?.[1]?.replaceAll('&amp;', '&') ?? '';
  t.match((await client.get(next)).body, '>mail ');
  const { searchParams } = new URL(next, 'http://localhost');
  for (const day of ['0000-01-01', '2026-02-30', '9999-99-99']) {
    const after = String(searchParams.get('after')).replace(/^[^T]+/, day);
    const page = await client.get(`/admin/jobs/list?${new URLSearchParams({ after })}`);
    t.match(page.body, '>mail ', `${day} means the first page`);
  }
});

t.test('an invalid filter is refused, and never treated as all jobs', async (t) => {
  const { app, client } = await setUp();
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
  const { app, client, act } = await setUp();
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
  const page = (await client.get(`/admin/jobs/job/mail.dead/${dead?.id}`)).body;
  t.match(page, '<b>Last error:</b> there is no such person');
  t.notMatch(page, '<h2>Result</h2>');
  t.match(page, /Attempts of the original[\s\S]*<td>given up<\/td>/);
  const preview = (await client.get('/admin/jobs/ask?action=redrive&queue=mail.dead')).body;
  t.match(preview, /run again in <a href="[^"]+">mail<\/a> \(3\)[\s\S]*3 <code>confirm-account/);
  t.match(preview, 'title="there is no such person"');
  t.same(await act({ action: 'redrive', queue: 'mail.dead', id: dead?.id ?? '' }), ['1 job redriven.']);
  t.equal((await jobsOf(app, mailQueue)).length, 1);
  t.same(await act({ action: 'retry', queue: 'mail' }), ['2 jobs retried.'], 'the redriven one is unchanged');
  t.equal((await jobsOf(app, mailQueue)).length, 3);
  t.same(await deadLettersOf(app, mailQueue), []);
});

t.test('a queue can be paused and resumed', async (t) => {
  const { client, act } = await setUp();
  t.same(await act({ action: 'pause', queue: 'mail' }), ['Queue mail paused.']);
  t.match((await client.get('/admin/jobs')).body, '>paused<');
  t.same(await act({ action: 'resume', queue: 'mail' }), ['Queue mail resumed.']);
  t.notMatch((await client.get('/admin/jobs')).body, '>paused<');
  t.equal((await client.post('/admin/jobs/do', { action: 'pause', queue: 'nonsense' })).statusCode, 404);
});

t.test('the overview starts with what is wrong, if anything is', async (t) => {
  const { app, client, act } = await setUp();
  t.match((await client.get('/admin/jobs')).body, 'All is well.');
  for (const userId of [1, 2]) {
    await app.queue.send(mailQueue, { template: 'confirm-account', userId }, { db: app.db });
  }
  await failAll(app, new Error('connect ECONNREFUSED 10.0.0.5:587, password=hunter2'), 'retry');
  await sql`
    insert into workers (name, queues, concurrency, seen_at, stopped_at, running) values
      ('web-2:4711', '{mail}', 1, now() - interval '1 minute', null, '[{"id": "1", "queue": "mail", "attempt": 1}]'),
      ('web-3:1', '{exports}', 1, now() + interval '1 hour', null, '[]'),
      ('web-4:1', '{digest}', 1, now() - interval '16 minutes', null, '[]'),
      ('web-5:1', '{digest}', 1, now(), now(), '[]')
  `.execute(app.db);
  await sql`
    insert into pgboss.job (name, data, state, start_after) values
      ('exports', '{"exportId": 1}', 'created', now() - interval '5 minutes'), ('digest', '{}', 'created', now()),
      ('prune', '{}', 'created', now())
  `.execute(app.db);
  await sql`
    insert into job_history (step_seconds, at, queue, ready, completed, retried, failed)
    values (60, date_trunc('minute', now()) - interval '2 minutes', 'exports', 1, 2, 0, 0)
  `.execute(app.db);
  await act({ action: 'pause', queue: 'prune' });
  const { body } = await client.get('/admin/jobs');
  t.match(
    body,
    /<b>Mail is not being delivered.<\/b> First failure: <time[^>]+>[^<]+<\/time>. 2 emails are waiting/,
  );
  t.match(body, 'connect ECONNREFUSED 10.0.0.5:587, password=[redacted]');
  t.match(body, /The worker web-2:4711 died<\/b>[\s\S]* Another worker runs its 1 job again/);
  t.notMatch(body, /web-3:1 died|web-[45]/, 'nobody has to know of one that died long ago or has stopped');
  t.match(body, '<b>No worker works digest:</b> 1 job is waiting');
  t.match(
    body,
    /exports is behind:<\/b> 1 job is ready, the oldest for 5 min. At the pace [\w ]+, they will take 5 min/,
  );
  t.notMatch(body, 'No worker works prune', 'a paused queue is no trouble');
  t.match(body, /data-label="Paused"><a href="[^"]+">1</);
  t.notMatch(body, 'All is well.');
});

t.test('a worker can be drained, and take jobs again', async (t) => {
  const { app, client, act } = await setUp(build(t, { SHUTDOWN_GRACE_SECONDS: '1' }));
  let runs = 0;
  const count = defineJob(mailQueue, async () => {
    runs += 1;
  });
  await app.queue.work([count], { concurrency: 1 });
  const worker = /action=drain&amp;worker=(\d+)/.exec((await client.get('/admin/jobs')).body)?.[1] ?? '';
  t.match(await act({ action: 'drain', worker }), [/^Worker \S+ takes no more jobs\.$/]);
  await waitFor(async () => (await client.get('/admin/jobs')).body.includes('MB memory'), 'it has reported');
  await waitFor(async () => {
    const before = runs;
    await app.queue.send(mailQueue, payload, { db: app.db });
    return before === runs && (await jobsOf(app, mailQueue)).length > 1;
  }, 'jobs wait');
  t.match((await client.get('/admin/jobs')).body, 'draining');
  t.match(await act({ action: 'undrain', worker }), [/takes jobs again\.$/]);
  await waitFor(async () => (await jobsOf(app, mailQueue)).length === 0, 'they run');
  t.equal((await client.get('/admin/jobs/ask?action=drain&worker=999')).statusCode, 404);
});

t.test('charts show pg-boss’s counts, with longer steps summed from shorter ones', async (t) => {
  const { app, client } = await setUp();
  t.match((await client.get('/admin/jobs/charts')).body, 'Nothing to show.');
  const bins = (slot: number, jobs: number) =>
    Array.from({ length: 48 }, (_, index) => (index === slot ? jobs : 0));
  for (const [queue, ready, completed, failed] of [
    ['mail', 7, 40, 1],
    ['mail', 5, 2, 0],
    ['exports', 0, 1, 0],
  ] as const) {
    await sql`
      insert into pgboss.queue_stats (name, ready_count, completed_delta, failed_delta, wait_bins, run_bins, captured_on)
      values (${queue}, ${ready}, ${completed}, ${failed}, ${bins(10, completed)}, ${bins(1, completed)}, now())
    `.execute(app.db);
  }
  await sql`
    insert into job_attempts (job_id, queue, attempt, worker, ended_at, outcome)
    select gen_random_uuid(), 'mail', 1, 'here', now(), 'failed' from generate_series(1, 4)
  `.execute(app.db);
  for (let again = 0; again < 2; again += 1) await recordHistory(app.db);
  for (const range of ['hour', 'day', 'week']) {
    const { body } = await client.get(`/admin/jobs/charts?range=${range}`);
    const tables = [...body.matchAll(/<tbody>(.*?)<\/tbody>/gs)].map(([, rows = '']) =>
      [...rows.matchAll(/<td>(.*?)<\/td>/g)].map(([, cell]) => cell),
    );
    const [outcomes, byQueue, backlog, wait, run] = tables;
    t.same(outcomes, ['43', '3', '1'], `${range}: completed, retried and failed`);
    t.same(byQueue, ['42', '1'], 'completed by queue');
    t.same(backlog, ['7']);
    t.same(wait?.length, 3);
    t.match(wait?.[0], /ms$/);
    t.same(run, ['12 ms', '14 ms', '14 ms']);
    t.match(body, 'aria-label="Throughput in the last');
  }
  t.match((await client.get('/admin/jobs/charts?queue=exports')).body, 'Charts of exports');
});

t.test('open pages are notified of changes', async (t) => {
  const { app, client } = await setUp();
  const address = await app.listen({ host: '127.0.0.1', port: 0 });
  const cookie = [...client.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  const response = await fetch(`${address}/admin/jobs/events`, { headers: { cookie } });
  t.match(response.headers.get('content-type'), 'text/event-stream');
  let text = '';
  const reading = response.body?.pipeThrough(new TextDecoderStream()).pipeTo(
    new WritableStream({
      write(chunk) {
        text += chunk;
      },
    }),
  );
  await waitFor(() => text.includes('data: {}\n\n'), 'it tells of a change');
  app.jobStreams.close();
  await reading;
  t.equal((await fetch(`${address}/admin/jobs/events`, { headers: { cookie } })).status, 204);
});
