import { randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import t from 'tap';
import { recordDelivery } from '../../src/domain/mail/ledger.ts';
import { prepareMail } from '../../src/domain/mail/prepare.ts';
import { jobs } from '../../src/jobs/index.ts';
import { listOpenBreakers, type PayloadOf, probeNow, setLimit } from '../../src/queue/index.ts';
import { mailQueue } from '../../src/queues.ts';
import { build } from '../support/build.ts';
import { Client, messagesOf } from '../support/client.ts';
import { createUser, mintToken, registration } from '../support/factories.ts';
import { deadLettersOf, drain, jobsOf } from '../support/jobs.ts';
import { captureLog } from '../support/log.ts';
import { FaultyMailServer } from '../support/mail-server.ts';
import { catchMail, hangingServer, linkIn } from '../support/smtp.ts';
import { waitFor } from '../support/wait-for.ts';

t.test('the mail arrives once in text and HTML, and its link confirms the account', async (t) => {
  const smtp = await catchMail(t);
  const app = await build(t, { SMTP_URL: smtp.url, BASE_URL: 'https://blog.example' });
  const client = new Client(app);
  await client.post('/auth/register', registration());
  const [job] = await jobsOf(app, mailQueue);
  await drain(app);

  const [mail] = smtp.mails;
  t.match(mail, {
    subject: '[Pennypost] Confirm your account',
    from: { text: /no-reply@localhost/ },
    to: { text: 'john@example.com' },
    text: /^Hi john,/,
  });
  t.match(mail?.text, /https:\/\/blog\.example\/auth\/confirm\/[\w-]{43}\n/);
  const html = typeof mail?.html === 'string' ? mail.html : '';
  t.ok(html.includes(`href="https://blog.example${linkIn(mail)}"`), 'both bodies have the same link');
  t.notOk(mail?.headers.has('list'), 'nobody unsubscribes from it, least of all with its link');

  const { rows } = await sql`
    select job::text from pgboss.job union all
    select mailed_tokens::text from mailed_tokens union all
    select mail_deliveries::text from mail_deliveries
  `.execute(app.db);
  t.equal(rows.length, 3);
  const token = linkIn(mail).split('/').at(-1) ?? '';
  t.notOk(JSON.stringify(rows).includes(token), 'the token is only stored as a hash, and never in the job');

  await runAgain(app);
  t.equal(smtp.mails.length, 1, 'a job that runs again after its mail was accepted sends no second copy');
  t.equal((await jobsOf(app, mailQueue, ['completed'])).length, 1);
  await sql`delete from mail_deliveries`.execute(app.db); // As if the process had died just before recording it.
  await runAgain(app);
  t.equal(smtp.mails.length, 2);
  for (const { messageId } of smtp.mails)
    t.equal(messageId, `<${job?.id}@blog.example>`, 'every attempt has the same Message-ID');

  const page = await client.follow(await client.post(linkIn(smtp.mails[1])));
  t.equal(messagesOf(page).at(-1), 'You have confirmed your account. Thanks!');
});

/** Runs jobs again, whether they have ended or wait for a retry. */
async function runAgain(app: FastifyInstance): Promise<void> {
  await sql`update pgboss.job set state = 'retry', start_after = now(), completed_on = null where name = 'mail'`.execute(
    app.db,
  );
  await drain(app);
}

t.test('both statements of a mail are prepared, and only the first waits for the disk', async (t) => {
  const app = await build(t);
  const { id: userId, email: sentTo } = await createUser(app, { isConfirmed: false });
  const template = 'confirm-account' as const;
  const sent = {
    userId,
    subscriptionId: null,
    template,
    messageId: '<1@localhost>',
    sentTo,
    returnKey: undefined,
  };
  const delivery = { ...sent, isRefused: false, response: '250 OK' };
  await app.db.connection().execute(async (db) => {
    await sql`set synchronous_commit = off`.execute(db);
    for (let mail = 0; mail < 6; mail += 1) {
      const jobId = randomUUID();
      await prepareMail(db, jobId, { template, userId });
      await recordDelivery(db, { jobId, ...delivery });
    }
    const { rows } = await sql`select from pg_prepared_statements`.execute(db);
    t.equal(rows.length, 2);
    const { rows: settings } = await sql`show synchronous_commit`.execute(db);
    t.same(settings, [{ synchronous_commit: 'off' }], 'the connection’s next statement does not wait');
  });

  await app.db.transaction().execute(async (trx) => {
    await sql`set local synchronous_commit = off`.execute(trx);
    await prepareMail(trx, randomUUID(), { template, userId });
    const { rows } = await sql`show synchronous_commit`.execute(trx);
    t.match(rows, [{ synchronous_commit: 'on' }], 'the token is on disk before the mail leaves');
  });
});

t.test('a mail says what is true when it is sent', async (t) => {
  const smtp = await catchMail(t);
  const app = await build(t, { SMTP_URL: smtp.url });
  await createUser(app, { username: 'owner', email: 'john@example.com' });
  await new Client(app).post('/auth/register', registration());
  await drain(app);
  t.match(
    smtp.mails,
    [{ subject: '[Pennypost] You already have an account', text: /your account owner/ }],
    'the owner of a taken address is told that someone tried to register it',
  );

  await new Client(app).post('/auth/register', registration({ username: 'jane', email: 'jane@example.com' }));
  await sql`update users set confirmed_at = now() where username = 'jane'`.execute(app.db);
  await drain(app);
  t.equal(smtp.mails.length, 1, 'a mail whose link is no longer needed is not sent');

  await new Client(app).post('/auth/register', registration({ username: 'june', email: 'june@example.com' }));
  await sql`delete from users`.execute(app.db);
  await drain(app);
  t.match(await jobsOf(app, mailQueue, ['failed']), [{ output: { message: /no longer exists/ } }]);
  t.equal(
    (await deadLettersOf(app, mailQueue)).length,
    1,
    'a mail to a deleted account fails for good at once',
  );
});

t.test("a recipient refused with 5xx fails permanently at once, with the server's response", async (t) => {
  const smtp = await catchMail(t, { refuseRecipient: () => 550, refusal: '5.7.1 Relay access denied' });
  const app = await build(t, { SMTP_URL: smtp.url });
  await new Client(app).post('/auth/register', registration());
  await drain(app);
  t.match(await jobsOf(app, mailQueue, ['failed']), [{ retryCount: 0, output: { message: /550/ } }]);
  t.equal((await deadLettersOf(app, mailQueue)).length, 1);
  const users = await app.db.selectFrom('users').select('email_bounced_at').execute();
  t.match(users, [{ email_bounced_at: null }], 'a recipient refused for other reasons is not blamed');
});

t.test('a message refused with 5xx fails permanently at once, and leaves no token', async (t) => {
  const server = await FaultyMailServer.start(t);
  server.misbehave('DOT', { code: 554 });
  const app = await build(t, { SMTP_URL: server.url });
  await new Client(app).post('/auth/register', registration());
  await drain(app);
  t.match(await jobsOf(app, mailQueue, ['failed']), [{ retryCount: 0, output: { message: /554/ } }]);
  t.same(await app.db.selectFrom('mailed_tokens').select('purpose').execute(), [], 'no token is left');
});

t.test(
  'an address that does not exist is reported on the site, also to a stranger with the same address',
  async (t) => {
    let code: number | undefined = 550;
    const smtp = await catchMail(t, { refuseRecipient: () => code, refusal: '5.1.1 No such user' });
    const app = await build(t, { SMTP_URL: smtp.url });
    const client = new Client(app);
    const notices = async () =>
      messagesOf(await client.get('/auth/unconfirmed')).filter((text) =>
        text.startsWith('We could not deliver'),
      );
    await client.post('/auth/register', registration());
    await drain(app);
    t.match(await notices(), [/<strong>john@example\.com<\/strong>.*Correct your address/]);

    await client.post('/auth/confirm');
    t.same(await notices(), [], 'the new link may arrive');
    await createUser(app, { username: 'owner', email: 'JOHN@example.com' });
    await createUser(app, { username: 'other', isConfirmed: false });
    await createUser(app, { username: 'susan' });
    await drain(app);
    const users = app.db.selectFrom('users').select(['username', 'email_bounced_at as bouncedAt']);
    t.match(await users.orderBy('id').execute(), [
      { username: 'john', bouncedAt: Date },
      { username: 'owner', bouncedAt: Date },
      { username: 'other', bouncedAt: null },
      { username: 'susan', bouncedAt: null },
    ]);
    t.equal((await notices()).length, 1, 'as if the address had no other account');

    code = undefined;
    await client.post('/auth/unconfirmed', { email: 'jon@example.com' });
    t.same(await notices(), []);
    await drain(app);
    await client.post(linkIn(smtp.mails.at(-1)));
    t.same(await notices(), []);
  },
);

t.test('a mail refused with 451 waits, arrives later, and keeps one token across attempts', async (t) => {
  let code: number | undefined = 451;
  const smtp = await catchMail(t, { refuseRecipient: () => code });
  const app = await build(t, { SMTP_URL: smtp.url });
  await new Client(app).post('/auth/register', registration());
  const { id: otherId } = await createUser(app, { username: 'susan', isConfirmed: false });
  await mintToken(app, otherId, 'confirm-account');
  const tokens = () => app.db.selectFrom('mailed_tokens').select('purpose').execute();
  for (let attempt = 1; attempt <= 3; attempt += 1) {
    await runAgain(app);
    t.match(await jobsOf(app, mailQueue, ['retry']), [{ output: { message: /451/ } }]);
    t.equal((await tokens()).length, 1, 'only somebody else’s while it waits');
  }

  code = undefined;
  await runAgain(app);
  t.equal((await jobsOf(app, mailQueue, ['completed'])).length, 1);
  t.equal((await tokens()).length, 2);
  t.equal((await new Client(app).get(linkIn(smtp.mails[0]))).statusCode, 200);
});

t.test(
  'a server that asks to slow down makes all mail wait, and gets it once it accepts mail again',
  async (t) => {
    let isFull = true;
    const smtp = await catchMail(t, {
      refuseRecipient: () => (isFull ? 452 : undefined),
      refusal: '4.3.1 hourly quota exceeded, try again in 20 minutes',
    });
    const app = await build(t, { SMTP_URL: smtp.url });
    for (let person = 1; person <= 12; person += 1) {
      const { id } = await createUser(app, { isConfirmed: false, username: `person${person}` });
      await app.queue.send(mailQueue, { template: 'confirm-account', userId: id }, { db: app.db });
    }
    await app.queue.work(jobs, { concurrency: 2 });
    const [breaker] = await waitFor(async () => {
      const open = await listOpenBreakers(app.db);
      return open.length > 0 && open;
    }, 'the queue waits');
    t.equal(breaker?.reason, '452 4.3.1 hourly quota exceeded, try again in 20 minutes');
    await app.queue.stopWorking();
    const waiting = await jobsOf(app, mailQueue);
    t.equal(waiting.length, 12);
    t.ok(waiting.every(({ retryCount }) => retryCount === 0));
    const tried = waiting.filter(({ output }) => /quota/.test(output?.message ?? ''));
    t.ok(tried.length <= 2, `${tried.length} were refused, those that ran at once`);
    t.same(await app.db.selectFrom('mailed_tokens').select('purpose').execute(), [], 'no token is left');

    isFull = false;
    await probeNow(app.db, mailQueue.name);
    await app.queue.work(jobs, { concurrency: 2 });
    await waitFor(() => smtp.mails.length === 12, 'the mails arrive');
  },
);

t.test('a 421 on connecting also makes all mail wait', async (t) => {
  const server = await FaultyMailServer.start(t);
  server.misbehave('CONNECT', { code: 421 });
  const app = await build(t, { SMTP_URL: server.url });
  await new Client(app).post('/auth/register', registration());
  await app.queue.work(jobs, { concurrency: 2 });
  await waitFor(async () => (await listOpenBreakers(app.db)).length > 0, 'the queue waits');
});

t.test('mail waits while the server refuses the sender, which an operator can correct', async (t) => {
  const server = await FaultyMailServer.start(t);
  const app = await build(t, { SMTP_URL: server.url });
  await new Client(app).post('/auth/register', registration());
  for (const stage of ['CONNECT', 'MAIL'] as const) {
    server.misbehave(stage, { code: 550 });
    await runAgain(app);
    t.match(await jobsOf(app, mailQueue, ['retry']), [{ output: { message: /550/ } }], stage);
  }

  server.behave();
  await runAgain(app);
  t.match(server.accepted, [{ to: 'john@example.com' }]);
});

t.test('a limit on a recipient’s domain defers its mails and no others, and leaves no token', async (t) => {
  const smtp = await catchMail(t);
  const app = await build(t, { SMTP_URL: smtp.url });
  await setLimit(app.db, { queue: mailQueue.name, key: 'slow.example', rate: '1/hour' });
  for (const name of ['a@slow', 'b@SLOW', 'c@quick']) {
    const [username = ''] = name.split('@');
    const { id } = await createUser(app, { isConfirmed: false, username, email: `${name}.example` });
    await app.queue.send(mailQueue, { template: 'confirm-account', userId: id }, { db: app.db });
  }
  await drain(app);
  t.equal(smtp.mails.length, 2);
  t.match(await jobsOf(app, mailQueue), [
    { retryCount: 0, output: { message: 'over the limit of 1/hour for slow.example' } },
  ]);
  t.equal((await app.db.selectFrom('mailed_tokens').select('purpose').execute()).length, 2);
});

t.test(
  'while the mail server is down, signing up is as fast as usual, and the mail arrives later',
  async (t) => {
    const gone = await catchMail(t);
    await gone.close();
    const app = await build(t, { SMTP_URL: gone.url });
    const response = await new Client(app).post('/auth/register', registration());
    t.equal(response.statusCode, 303);
    await drain(app);
    t.match(await jobsOf(app, mailQueue, ['retry']), [{ output: { message: /ECONNREFUSED/ } }]);

    const back = await catchMail(t, { port: gone.port });
    await runAgain(app);
    t.match(back.mails, [{ to: { text: 'john@example.com' } }]);
  },
);

t.test('a mail keeps one token, however often the server does not answer', async (t) => {
  let code: number | undefined;
  const smtp = await catchMail(t, { delayMs: 60_000, refuseRecipient: () => code });
  const app = await build(t, { SMTP_URL: smtp.url, SHUTDOWN_GRACE_SECONDS: '1' });
  const client = new Client(app);
  await client.post('/auth/register', registration());
  const attempt = async () => {
    const count = smtp.mails.length;
    await app.queue.work(jobs, { concurrency: 1 });
    await waitFor(() => smtp.mails.length > count, 'the server has the mail');
    await app.queue.stopWorking();
    return linkIn(smtp.mails.at(-1));
  };
  const tokens = () => app.db.selectFrom('mailed_tokens').selectAll().execute();

  const first = await attempt();
  t.equal((await jobsOf(app, mailQueue)).length, 1, 'it will be sent again');
  t.equal((await new Client(app).get(first)).statusCode, 200, 'but the mail may have arrived');
  code = 451;
  await runAgain(app);
  t.match(await jobsOf(app, mailQueue, ['retry']), [{ output: { message: /451/ } }]);
  t.equal((await new Client(app).get(first)).statusCode, 200, 'a refused attempt leaves the link');
  code = undefined;
  await sql`update pgboss.job set start_after = now() where name = 'mail'`.execute(app.db);
  await sql`update mailed_tokens set expires_at = now() - interval '1 minute'`.execute(app.db);
  t.equal(await attempt(), first);
  t.equal((await tokens()).length, 1);
  t.equal(
    (await new Client(app).get(first)).statusCode,
    200,
    'it is valid for an hour from the last attempt',
  );

  const [token] = await tokens();
  await app.db.deleteFrom('mailed_tokens').execute(); // As if it had been consumed.
  const other = await attempt();
  t.not(other, first, 'a consumed token is never valid again');
  t.equal((await tokens()).length, 1);

  await sql`update users set email = 'jane@example.com'`.execute(app.db);
  t.not(await attempt(), other, 'nor is one that was sent to another address');
  t.same(
    (await tokens()).map(({ sent_to }) => sent_to),
    [token?.sent_to, 'jane@example.com'],
  );
});

t.test('a mail whose subject is gone is not sent, and does not affect others', async (t) => {
  const smtp = await catchMail(t);
  const { logger, lines } = captureLog();
  const app = await build(t, { SMTP_URL: smtp.url }, { logger });
  const { id: userId } = await createUser(app);
  const gone: PayloadOf<typeof mailQueue>[] = [
    { template: 'reset-password', passwordResetId: 9 },
    { template: 'change-email', emailChangeId: 9 },
    { template: 'email-changed', emailChangeId: 9 },
    { template: 'email-changed-for-you', emailChangeId: 9 },
    { template: 'notifications', userId, number: 1 },
    { template: 'weekly-digest', userId, week: '2026-01-05' },
    { template: 'export-ready', userId, exportId: 9 },
    { template: 'import-ended', userId, importId: 9 },
  ];
  const others = Array(3).fill({ template: 'password-changed', userId });
  await app.queue.sendAll(mailQueue, [...gone, ...others], { db: app.db });
  await drain(app);
  t.equal(smtp.mails.length, 3);
  t.equal((await jobsOf(app, mailQueue, ['completed'])).length, 11);
  const skipped = lines().filter(({ msg }) => String(msg).startsWith('nothing to send'));
  t.same(skipped.map(({ template }) => template).toSorted(), gone.map(({ template }) => template).toSorted());
});

t.test('a hanging mail server does not delay sign-ups, and the mail waits', async (t) => {
  const { url } = await hangingServer(t);
  const app = await build(t, { SMTP_URL: url });
  await new Client(app).post('/auth/register', registration());
  await drain(app);
  t.match(await jobsOf(app, mailQueue, ['retry']), [{ output: { message: /[Gg]reeting/ } }]);
});
