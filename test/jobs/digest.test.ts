import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import t from 'tap';
import { block } from '../../src/domain/blocks/block.ts';
import { loadDigest } from '../../src/domain/digests/load.ts';
import { sendDigests } from '../../src/domain/digests/send.ts';
import { mailDigestSummary } from '../../src/domain/digests/summarise.ts';
import { follow } from '../../src/domain/follows/follow.ts';
import { findMailChoices } from '../../src/domain/people/mail-choices.ts';
import { setPostDisabled } from '../../src/domain/posts/write.ts';
import digestJob from '../../src/jobs/digest.ts';
import { endBatches } from '../../src/queue/batch.ts';
import { defineJob } from '../../src/queue/index.ts';
import { digestQueue, digestSummaryQueue, mailQueue } from '../../src/queues.ts';
import { build, buildSharedWithMail } from '../support/build.ts';
import { createUser, signedInClient } from '../support/factories.ts';
import { assertEnqueued, drain, jobsOf } from '../support/jobs.ts';
import { catchMail } from '../support/smtp.ts';
import { waitFor } from '../support/wait-for.ts';
import { writePosts } from '../support/writing.ts';

const signal = new AbortController().signal;

const emptied = await buildSharedWithMail(t);

async function setUp() {
  const { app, smtp } = await emptied();
  const reader = await createUser(app, { username: 'john' });
  const author = await createUser(app, { username: 'susan' });
  await follow(app, reader.id, author.id);
  await sql`update users set wants_digest = true where id = ${reader.id}`.execute(app.db);
  const lastWeek = () =>
    sql`update posts set created_at = date_trunc('week', now() at time zone 'UTC') - interval '3 days'`.execute(
      app.db,
    );
  return { app, smtp, reader, author, lastWeek };
}

t.test('subscribers get last week’s posts by people they follow, once', async (t) => {
  const { app, smtp, reader, author, lastWeek } = await setUp();
  const [, , hidden = 0] = await writePosts(app, author, 3);
  await setPostDisabled(app.db, hidden, true);
  await writePosts(app, reader);
  const stranger = await createUser(app, { username: 'mary' });
  await writePosts(app, stranger);
  await follow(app, author.id, stranger.id);
  await lastWeek();

  t.equal(await sendDigests(app, { timeZone: 'UTC', batchId: randomUUID(), signal }), 1);
  t.equal(
    await sendDigests(app, { timeZone: 'UTC', batchId: randomUUID(), signal }),
    0,
    'a second run finds nobody',
  );
  await assertEnqueued(t, app, mailQueue, [{ template: 'weekly-digest', userId: reader.id }]);
  await drain(app);

  t.equal(smtp.mails.length, 1);
  t.match(smtp.mails[0], { to: { text: 'john@example.com' }, subject: '[Pennypost] Your weekly digest' });
  t.match(smtp.mails[0]?.text, /susan wrote:\n\n> Post 2\n\nhttp\S+\/post\/2[\s\S]*> Post 1/);
  t.notMatch(smtp.mails[0]?.text, /(john|mary) wrote/);
  t.notMatch(smtp.mails[0]?.text, 'Post 3', 'a moderator has hidden it');
  t.match(smtp.mails[0]?.headers.get('list'), { unsubscribe: { url: /\/unsubscribe\/[\w.-]{43}$/ } });
});

t.test('a week without posts causes no mail, and this week belongs to the next digest', async (t) => {
  const { app, smtp, reader, author, lastWeek } = await setUp();
  await writePosts(app, author);
  await lastWeek();
  await block(app.db, { blockerId: reader.id, blockedId: author.id }, 'mute');
  await writePosts(app, author);
  await sendDigests(app, { timeZone: 'UTC', batchId: randomUUID(), signal });
  await drain(app);
  t.same(smtp.mails, []);
});

t.test('a week begins in the time zone of the site', async (t) => {
  const { app, reader, author } = await setUp();
  const timeZone = 'Pacific/Kiritimati'; // 14 hours ahead of UTC.
  const [before, first, last, after] = await writePosts(app, author, 4);
  for (const [id, hours] of [
    [before, -169],
    [first, -167],
    [last, -1],
    [after, 1],
  ] as const) {
    await sql`
      update posts set created_at = date_trunc('week', now() at time zone ${timeZone}) at time zone ${timeZone} + make_interval(hours => ${hours})
      where id = ${id ?? 0}
    `.execute(app.db);
  }
  await sendDigests(app, { timeZone, batchId: randomUUID(), signal });
  const [mail] = await jobsOf(app, mailQueue);
  const week = String(mail?.data && 'week' in mail.data ? mail.data.week : '');
  const digest = await loadDigest(app.db, { userId: reader.id, week, timeZone });
  t.match(digest, { total: 2, posts: [{ path: `/post/${last}` }, { path: `/post/${first}` }] });
});

t.test('a digest has the beginnings of twenty posts, and counts the others', async (t) => {
  const { app, reader, author } = await setUp();
  await sql`
    insert into posts (author_id, body, body_html, created_at)
    select ${author.id}, repeat('word ', 70), '', '2026-01-07'::timestamptz + n * interval '1 second' from generate_series(1, 25) as n
  `.execute(app.db);
  const digest = await loadDigest(app.db, { userId: reader.id, week: '2026-01-05', timeZone: 'UTC' });
  const posts = Array.from({ length: 20 }, () => ({ excerpt: `${'word '.repeat(56)}…` }));
  t.match(digest, { total: 25, omitted: 5, posts });
  t.match(digest, { posts: { length: 20 } });
});

t.test('a digest that nobody got has no summary', async (t) => {
  const { app, smtp } = await emptied();
  const { mailer, renderMail, config } = app;
  const counts = { done: 0, failed: 0, cancelled: 0, unfinished: 0 };
  const summarise = (changed: Partial<typeof counts>) =>
    mailDigestSummary(
      { mailer, renderMail, baseUrl: config.baseUrl, to: 'boss@example.com' },
      { id: randomUUID(), signal },
      { week: '2026-01-05', counts: { ...counts, ...changed } },
    );
  await summarise({});
  t.same(smtp.mails, []);
  await summarise({ failed: 1 });
  t.equal(smtp.mails.length, 1);
});

t.test('thousands of recipients are enqueued in batches, behind mail that people wait for', async (t) => {
  const { app } = await setUp();
  await createUser(app, { username: 'mary', isConfirmed: false });
  await sql`
    insert into users (email, username, password_hash, role, confirmed_at, wants_digest)
    select 'u' || n || '@example.com', 'u' || n, 'x', 'User', now(), true from generate_series(1, 1200) as n
  `.execute(app.db);
  await sql`update users set wants_digest = true where confirmed_at is null`.execute(app.db);
  const seen: string[] = [];
  const progress = (done: number, total: number) => seen.push(`${done} of ${total}`);
  t.equal(await sendDigests(app, { timeZone: 'UTC', batchId: randomUUID(), signal, progress }), 1201);
  t.same(seen, ['500 of 1201', '1000 of 1201', '1201 of 1201']);
  const jobs = await jobsOf(app, mailQueue);
  t.equal(jobs.length, 1201);
  t.equal(new Set(jobs.map(({ data }) => 'userId' in data && data.userId)).size, 1201);
  const { rows } = await sql`select max(priority) from pgboss.job where name = 'mail'`.execute(app.db);
  t.same(rows, [{ max: -10 }]);
});

t.test('two concurrent runs send each person one mail', async (t) => {
  const { app } = await setUp();
  const counts = await Promise.all([
    sendDigests(app, { timeZone: 'UTC', batchId: randomUUID(), signal }),
    sendDigests(app, { timeZone: 'UTC', batchId: randomUUID(), signal }),
  ]);
  t.equal(counts[0] + counts[1], 1);
});

t.test('the digest is off until it is turned on in the profile', async (t) => {
  const { app } = await emptied();
  const susan = await createUser(app, { username: 'susan' });
  const before = await findMailChoices(app.db, susan.id);
  const john = await createUser(app);
  const client = await signedInClient(app, john);
  const frequencies = { comments: 'daily', replies: 'never', mentions: 'daily', follows: 'never' };
  t.notMatch((await client.get('/edit-profile/mails')).body, /id="digest" [^>]*checked/);
  await client.post('/edit-profile/mails', {
    ...{ digest: 'y', comment_mails: 'daily', reply_mails: 'never' },
    ...{ mention_mails: 'daily', follow_mails: 'never' },
  });
  t.same(await findMailChoices(app.db, susan.id), before);
  t.same(await findMailChoices(app.db, john.id), { wantsDigest: true, ...frequencies });
  const page = await client.get('/edit-profile/mails');
  t.match(page.body, /id="digest" [^>]*checked/);
  t.match(page.body, /<option value="daily" selected>/);
  t.equal((await client.post('/edit-profile/mails', { comment_mails: 'hourly' })).statusCode, 422);
});

t.test('when all mails of a digest are done, the operator gets one mail with their counts', async (t) => {
  const smtp = await catchMail(t);
  const app = await build(t, { SMTP_URL: smtp.url, ADMIN_EMAIL: 'boss@example.com' });
  const { db, queue } = app;
  for (const username of ['john', 'susan', 'carl', 'eve']) await createUser(app, { username });
  await sql`update users set wants_digest = true where username <> 'eve'`.execute(db);
  await queue.send(digestQueue, {}, { db });
  const digest = defineJob(digestQueue, async (app, payload, context) => {
    await digestJob.run(app, payload, context);
    // As if the worker was killed after all its work, and Eve then turned the digest on.
    await sql`update users set wants_digest = true`.execute(db);
    await digestJob.run(app, payload, context);
  });
  await queue.work([digest], { concurrency: 1 });
  await waitFor(async () => (await jobsOf(app, digestQueue, ['completed'])).length === 1, 'it is enqueued');
  await queue.stopWorking();
  t.equal((await jobsOf(app, mailQueue)).length, 3);
  await sql`delete from users where username = 'carl'`.execute(db);

  await drain(app);
  await endBatches(db);
  await drain(app);
  await endBatches(db);
  await drain(app);
  const summaries = smtp.mails.filter(({ subject = '' }) => subject.includes('Digest of'));
  t.equal(summaries.length, 1);
  t.match(summaries[0], {
    to: { text: 'boss@example.com' },
    subject: /Digest of \d{4}-\d\d-\d\d: 2 sent, 1 failed$/,
    text: /Failed: 1/,
  });
  const [summary] = await jobsOf(app, digestSummaryQueue, ['completed']);
  t.match(summary?.output, { done: 2, failed: 1, cancelled: 0, unfinished: 0 });
});
