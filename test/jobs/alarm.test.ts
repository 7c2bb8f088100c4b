import { randomUUID } from 'node:crypto';
import Fastify, { type FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import t from 'tap';
import { reportDeadLetters } from '../../src/domain/alarms/raise.ts';
import { recordDelivery } from '../../src/domain/mail/ledger.ts';
import { findMailFailures, findMailOutage } from '../../src/domain/mail/outage.ts';
import prune from '../../src/jobs/prune.ts';
import { defineJob, PermanentFailure } from '../../src/queue/index.ts';
import { alarmQueue, alarmWebhookQueue, mailQueue, pruneQueue } from '../../src/queues.ts';
import { build } from '../support/build.ts';
import { createUser, signedInClient } from '../support/factories.ts';
import { deadLettersOf, drain, jobsOf } from '../support/jobs.ts';
import { catchMail } from '../support/smtp.ts';
import { waitFor } from '../support/wait-for.ts';

const ADMIN_EMAIL = 'boss@example.com';

t.test('an unexpected 500 is mailed once an hour, with the request that finds it in the log', async (t) => {
  const smtp = await catchMail(t);
  const app = await build(t, { SMTP_URL: smtp.url, ADMIN_EMAIL });
  await sql`alter table posts rename to misplaced`.execute(app.db);
  for (let n = 0; n < 3; n += 1) t.equal((await app.inject(`/post/${n + 1}`)).statusCode, 500);
  // The response does not wait for the alarm.
  const isRaised = async () => (await jobsOf(app, alarmQueue)).length > 0;
  await waitFor(isRaised, 'the alarm is raised');
  await drain(app);

  t.equal(smtp.mails.length, 1);
  t.match(smtp.mails[0], {
    to: { text: ADMIN_EMAIL },
    subject: '[Pennypost] GET /post/:id failed',
    text: /relation "posts" does not exist\n\nError reference: request [0-9a-f-]{36}/,
  });

  await sql`update alarms set mailed_at = mailed_at - interval '61 minutes'`.execute(app.db);
  await app.inject('/post/4');
  await waitFor(isRaised, 'the alarm is raised again');
  await drain(app);
  t.equal(smtp.mails.length, 2);
  t.match(smtp.mails[1]?.text, 'It has happened 4 times since it was first reported.');
  const references = smtp.mails.map(({ text }) => /reference: (.*)/.exec(text ?? '')?.[1]);
  t.not(references[1], references[0], 'it names the newest request');
  const { title, message, reference } = await app.db
    .selectFrom('alarms')
    .selectAll()
    .executeTakeFirstOrThrow();
  await app.raiseAlarm({ title, message, reference });
  t.same(await jobsOf(app, alarmQueue), [], 'and then not again for an hour');
});

t.test('dead letters are reported by mail, once for all that fail in the same way', async (t) => {
  const smtp = await catchMail(t);
  const app = await build(t, { SMTP_URL: smtp.url, ADMIN_EMAIL });
  for (const userId of [1, 2, 3]) {
    await app.queue.send(mailQueue, { template: 'confirm-account', userId }, { db: app.db });
  }
  await drain(app);
  await waitFor(async () => {
    await drain(app);
    return smtp.mails.length > 0;
  }, 'the mail arrives');
  t.equal((await deadLettersOf(app, mailQueue)).length, 3);
  t.equal(smtp.mails.length, 1);
  t.match(smtp.mails[0], {
    subject: '[Pennypost] A job in mail failed for good',
    text: /Account \d no longer exists\.\n\nError reference: job [0-9a-f-]{36}/,
  });
});

t.test('a dead letter whose worker died is reported later', async (t) => {
  const app = await build(t, { ADMIN_EMAIL });
  await sql`
    insert into pgboss.job (name, data, source_name, source_id, source_output)
    values ('mail.dead', '{}', 'mail', gen_random_uuid(), '{"value": {"message": "job heartbeat timeout"}}')
  `.execute(app.db);
  await app.queue.send(pruneQueue, {}, { db: app.db });
  await app.queue.work([prune], { concurrency: 1 });
  await waitFor(async () => (await jobsOf(app, pruneQueue, ['completed'])).length === 1, 'it has looked');
  await app.queue.stopWorking();
  t.equal((await jobsOf(app, alarmQueue)).length, 1);
  await reportDeadLetters(app);
  t.equal((await jobsOf(app, alarmQueue)).length, 1);
});

t.test('an alarm that cannot be mailed raises no further alarm', async (t) => {
  const app = await build(t, { ADMIN_EMAIL });
  await app.raiseAlarm({ title: 'The cat', message: 'is on the keyboard', reference: 'request 1' });
  const job = defineJob(alarmQueue, async () => {
    throw new PermanentFailure('no');
  });
  await app.queue.work([job], { concurrency: 1 });
  await waitFor(async () => (await deadLettersOf(app, alarmQueue)).length === 1, 'it is given up');
  await app.queue.stopWorking();
  t.same(await jobsOf(app, alarmQueue), []);
  await reportDeadLetters(app);
  t.same(await jobsOf(app, alarmQueue), []);
});

t.test('without ADMIN_EMAIL, no alarm is sent', async (t) => {
  const app = await build(t);
  await app.raiseAlarm({ title: 'The cat', message: 'is on the keyboard', reference: 'request 1' });
  t.same(await jobsOf(app, alarmQueue), []);
});

t.test('alarms are posted to the webhook, and tried again until it accepts them', async (t) => {
  const posted: unknown[] = [];
  const webhook = Fastify();
  webhook.post('/alerts', async ({ body }, reply) => {
    posted.push(body);
    return reply.code(posted.length === 1 ? 503 : 204).send();
  });
  t.teardown(() => webhook.close());
  const url = await webhook.listen({ host: '127.0.0.1', port: 0 });
  const app = await build(t, { ALERT_WEBHOOK_URL: `${url}/alerts`, BASE_URL: 'https://blog.example' });
  await app.raiseAlarm({ title: 'Cat 1', message: 'is on the keyboard', reference: 'request 1' });
  await drain(app);
  t.match(await jobsOf(app, alarmWebhookQueue), [{ output: { message: 'The webhook answered 503.' } }]);
  await sql`update pgboss.job set start_after = now() where name = 'alarm-webhook'`.execute(app.db);
  await drain(app);
  t.equal(posted.length, 2);
  const site = 'https://blog.example';
  const alarm = { title: 'Cat 1', message: 'is on the keyboard', reference: 'request 1', repetitions: 0 };
  t.same(posted[1], { site, ...alarm });
  t.same(await jobsOf(app, alarmWebhookQueue), []);

  await sql`update alarms set mailed_at = mailed_at - interval '61 minutes'`.execute(app.db);
  const dog = { title: 'The dog', message: 'is on the sofa', reference: 'request 2' };
  const again = { title: 'Cat 2', message: 'is on the keyboard', reference: 'request 3' };
  for (const one of [dog, again]) await app.raiseAlarm(one);
  await drain(app);
  t.same(posted.slice(2), [
    { site, ...dog, repetitions: 0 },
    { site, ...again, repetitions: 1 },
  ]);
});

t.test('a mail outage is shown to Administrators, measured and reported', async (t) => {
  const app = await build(t, { ADMIN_EMAIL });
  const admin = await signedInClient(
    app,
    await createUser(app, { username: 'admin', role: 'Administrator' }),
  );
  const user = await createUser(app, { username: 'john' });
  const john = await signedInClient(app, user);
  await sql`delete from pgboss.job`.execute(app.db);
  for (let n = 0; n < 2; n += 1) {
    await app.queue.send(mailQueue, { template: 'password-changed', userId: user.id }, { db: app.db });
  }
  const age = sql`update pgboss.job set created_on = now() - interval '11 minutes' where name = 'mail'`;
  await age.execute(app.db);
  const other = await build(t, { DATABASE_URL: app.config.databaseUrl, ADMIN_EMAIL });
  await app.mailOutage.refresh();
  t.match((await admin.get('/')).body, 'Email is not being delivered.');
  t.notMatch((await john.get('/')).body, 'No mail has been delivered');
  t.match((await app.inject('/metrics')).body, /^pennypost_mail_outage_seconds 6\d\d/m);

  await drain(other);
  const isReported = async () => (await jobsOf(app, alarmQueue, ['created', 'retry'])).length > 0;
  await waitFor(isReported, 'the alarm is raised');
  t.match(await app.db.selectFrom('alarms').select('title').execute(), [
    { title: 'Mail cannot be delivered' },
  ]);
});

t.test('a waiting mail is not an outage if others are delivered', async (t) => {
  const app = await build(t);
  const { id } = await createUser(app);
  await app.queue.send(mailQueue, { template: 'password-changed', userId: id }, { db: app.db });
  t.equal(await findMailOutage(app.db), undefined, 'it has not waited long');
  await sql`update pgboss.job set created_on = now() - interval '11 minutes'`.execute(app.db);
  t.type(await findMailOutage(app.db), Date);
  await recordAccepted(app, id);
  t.equal(await findMailOutage(app.db), undefined);
});

t.test('failed mails count since the last delivery, with their first time and newest error', async (t) => {
  const app = await build(t);
  const { id } = await createUser(app);
  const fail = async (seconds: number, error: string, queue = mailQueue.name) => {
    await sql`
      insert into job_attempts (job_id, queue, attempt, worker, ended_at, outcome, error)
      values (${randomUUID()}, ${queue}, 1, 'here', to_timestamp(${seconds}), 'failed', ${error})
    `.execute(app.db);
  };
  const since = new Date(3_000);
  await fail(3, 'the server is busy');
  await fail(1, 'the disk is full', 'exports');
  t.same(await findMailFailures(app.db), { since, words: 'the server is busy', mails: 1 });
  await fail(4, 'the server is gone');
  t.same(await findMailFailures(app.db), { since, words: 'the server is gone', mails: 2 });
  await recordAccepted(app, id);
  t.equal(await findMailFailures(app.db), undefined);
});

/** Records a mail that the mail server has just accepted. */
function recordAccepted(app: FastifyInstance, userId: number): Promise<void> {
  return recordDelivery(app.db, {
    ...{ jobId: randomUUID(), userId, subscriptionId: null, template: 'password-changed' },
    ...{ messageId: 'x', sentTo: 'x@example.com', returnKey: undefined },
    ...{ isRefused: false, response: '250 OK' },
  });
}
