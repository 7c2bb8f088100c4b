import { sql } from 'kysely';
import t from 'tap';
import { reportDeadLetters } from '../../src/domain/alarms/raise.ts';
import { PermanentFailure } from '../../src/errors.ts';
import { alarmQueue, mailQueue } from '../../src/queue/contracts.ts';
import { defineJob } from '../../src/queue/job.ts';
import { build } from '../support/build.ts';
import { deadLettersOf, drain, jobsOf } from '../support/jobs.ts';
import { catchMail } from '../support/smtp.ts';
import { waitFor } from '../support/wait-for.ts';

const ADMIN_EMAIL = 'boss@example.com';

t.test('an unexpected 500 is mailed once an hour, with the request that finds it in the log', async (t) => {
  const smtp = await catchMail(t);
  const app = await build(t, { SMTP_URL: smtp.url, ADMIN_EMAIL });
  await sql`alter table posts rename to misplaced`.execute(app.db);
  for (let n = 0; n < 3; n += 1) t.equal((await app.inject(`/post/${n + 1}`)).statusCode, 500);
  await drain(app);

  t.equal(smtp.mails.length, 1);
  t.match(smtp.mails[0], {
    to: { text: ADMIN_EMAIL },
    subject: '[Pennypost] GET /post/:id failed',
    text: /relation "posts" does not exist\n\nError reference: request [0-9a-f-]{36}/,
  });

  await sql`update alarms set mailed_at = mailed_at - interval '61 minutes'`.execute(app.db);
  await app.inject('/post/4');
  await drain(app);
  t.equal(smtp.mails.length, 2);
  t.match(smtp.mails[1]?.text, 'It has happened 4 times since it was first reported.');
});

t.test('dead letters are reported by mail, once for all that fail alike', async (t) => {
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
  await reportDeadLetters(app);
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

t.test('without ADMIN_EMAIL no alarm is sent', async (t) => {
  const app = await build(t);
  await app.raiseAlarm({ title: 'The cat', message: 'is on the keyboard', reference: 'request 1' });
  t.same(await jobsOf(app, alarmQueue), []);
});
