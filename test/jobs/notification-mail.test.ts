import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import t from 'tap';
import { block } from '../../src/domain/blocks/block.ts';
import { follow } from '../../src/domain/follows/follow.ts';
import { mailAtOnce, mailDaily } from '../../src/domain/notifications/mail.ts';
import { notify } from '../../src/domain/notifications/notify.ts';
import { markAllRead } from '../../src/domain/notifications/read.ts';
import { findMailChoices } from '../../src/domain/people/mail-choices.ts';
import { dailyNotificationsQueue, notificationMailQueue } from '../../src/queues.ts';
import { Client } from '../support/client.ts';
import { createUser } from '../support/factories.ts';
import { assertEnqueued, drain } from '../support/jobs.ts';
import { notificationsOf, shareNotifications } from '../support/notifications.ts';

const setUp = await shareNotifications(t);
const signal = new AbortController().signal;

t.test('a burst of comments is one mail, and those within the next hour are collected', async (t) => {
  const { app, smtp, author, reader, postId, comment, deliver, anHourLater } = await setUp();
  // Another person's first mail has just been sent.
  const collected = { kind: 'follow', cause: 'follow', actor_id: author.id, mail: 1 } as const;
  await app.db
    .insertInto('notifications')
    .values({ recipient_id: reader.id, ...collected })
    .execute();
  await app.db.insertInto('notification_mails').values({ user_id: reader.id }).execute();
  for (let number = 0; number < 50; number += 1) await comment(reader.id, `Comment ${number}.`);
  await deliver();
  t.equal(smtp.mails.length, 1);
  t.match(smtp.mails[0], {
    to: { text: 'john@example.com' },
    subject: '[Pennypost] New comments on your post',
  });
  t.match(smtp.mails[0]?.text, 'There are 50 new comments on your post');
  t.match(smtp.mails[0]?.text, /\n\nsusan wrote:\n\n> Comment 0\.\n/);
  const quoted = [...(smtp.mails[0]?.text ?? '').matchAll(/> Comment (\d)\./g)].map(([, number]) => number);
  t.equal(quoted.join(''), '0123456789', 'the first ones, in order');
  t.match(smtp.mails[0]?.text, `/post/${postId}#comments\n`);
  t.match(smtp.mails[0]?.text, 'And 40 more');
  t.match(smtp.mails[0]?.html, /<blockquote>Comment \d+\.<\/blockquote>/);

  await comment(reader.id, 'And another thing.');
  await deliver();
  t.equal(smtp.mails.length, 1, 'it is too soon');
  await assertEnqueued(t, app, notificationMailQueue, [{}]);
  await sql`delete from pgboss.job where name = ${notificationMailQueue.name}`.execute(app.db);
  await mailAtOnce(app, author.id); // As does a job that was enqueued before the mail.
  const { rows } = await sql`
    select start_after > now() + interval '50 minutes' as "isLater" from pgboss.job where name = ${notificationMailQueue.name}
  `.execute(app.db);
  t.same(rows, [{ isLater: true }], 'an hour after the first');
  await anHourLater();
  await drain(app);
  t.equal(smtp.mails.length, 2);
  t.match(smtp.mails[1]?.text, 'There is a new comment on your post');
  t.match(smtp.mails[1]?.text, '> And another thing.');
  t.notMatch(smtp.mails[1]?.text, '> Comment');
});

t.test(
  'notifications that are read, hidden or unsubscribed from are not mailed, nor are unreachable people',
  async (t) => {
    const { app, smtp, author, reader, comment } = await setUp();
    const userId = author.id;
    const set = (assignment: string) => () =>
      sql`update users set ${sql.raw(assignment)} where id = ${userId}`.execute(app.db);
    const changes: Record<string, () => Promise<unknown>> = {
      nothing: async () => {},
      read: () => markAllRead(app.db, userId, 1_000_000),
      'hidden by a moderator': () => sql`update comments set is_disabled = true`.execute(app.db),
      'by somebody who is muted by now': () =>
        block(app.db, { blockerId: userId, blockedId: reader.id }, 'mute'),
      // Muting also marks notifications as read, but not one that is written at the same moment.
      'by somebody who was muted at the same moment': () =>
        app.db
          .insertInto('blocks')
          .values({ blocker_id: userId, blocked_id: reader.id, kind: 'mute' })
          .execute(),
      unwanted: set(`comment_mails = 'never'`),
      bounced: set('email_bounced_at = now()'),
      suspended: set(`suspended_until = now() + interval '1 day'`),
      'about to be deleted': set('deletion_due_at = now()'),
      unconfirmed: set('confirmed_at = null'),
    };
    const original = { email_bounced_at: null, suspended_until: null, deletion_due_at: null };
    for (const [what, change] of Object.entries(changes)) {
      for (const isChangedBefore of [true, false]) {
        if (isChangedBefore && what.includes('by now')) continue;
        const commentId = await comment(reader.id, 'Well said.');
        await notify(app, { about: 'comment', commentId });
        if (isChangedBefore) await change();
        await mailAtOnce(app, userId);
        if (!isChangedBefore) await change();
        await drain(app);
        t.equal(
          smtp.mails.length,
          what === 'nothing' ? 1 : 0,
          `${what}, ${isChangedBefore ? 'before' : 'after'} it was collected`,
        );
        smtp.mails.length = 0;
        await app.db.deleteFrom('blocks').execute();
        await app.db.deleteFrom('notifications').execute();
        await app.db.deleteFrom('notification_mails').execute();
        await app.db
          .updateTable('users')
          .set({ ...original, confirmed_at: new Date(), comment_mails: 'at-once' })
          .where('id', '=', userId)
          .execute();
      }
    }
  },
);

t.test('each kind is mailed as often as its recipient has chosen, and daily mail once', async (t) => {
  const { app, smtp, author, reader, comment, deliver } = await setUp();
  await follow(app, reader.id, author.id);
  await deliver();
  await mailAtOnce(app, author.id);
  await drain(app);
  t.same(smtp.mails, [], 'followers are mailed about daily by default');
  const counts = await Promise.all([mailDaily(app, { signal }), mailDaily(app, { signal })]);
  t.equal(counts[0] + counts[1], 1, 'two concurrent runs send one');
  await drain(app);
  t.match(smtp.mails, [{ subject: '[Pennypost] You have new followers' }]);
  t.match(
    smtp.mails[0]?.text,
    /You have a new follower:\n\nhttp\S+\/followers\/john\n\nsusan\n\n– Pennypost\n\nUnsub/,
  );
  t.match(smtp.mails[0]?.headers.get('list'), { unsubscribe: { url: /\/unsubscribe\/follows\.[\w-]{36}$/ } });

  await sql`update users set comment_mails = 'daily' where id = ${author.id}`.execute(app.db);
  await sql`update posts set title = 'On tea'`.execute(app.db);
  await comment(reader.id, 'Well said.');
  for (const username of ['ann', 'bob'])
    await follow(app, (await createUser(app, { username })).id, author.id);
  await deliver();
  t.equal(smtp.mails.length, 1);
  await app.queue.send(dailyNotificationsQueue, {}, { db: app.db });
  await drain(app);
  t.equal(await mailDaily(app, { signal }), 0, 'what was mailed is not mailed again');
  await drain(app);
  t.match(smtp.mails[1], { subject: '[Pennypost] New notifications' });
  t.match(smtp.mails[1]?.text, /^There is a new comment on your post “On tea”:$/m);
  t.match(smtp.mails[1]?.text, /^You have 2 new followers:$/m);
  for (const list of ['comment emails', 'emails about new followers'])
    t.match(smtp.mails[1]?.text, `Unsubscribe from ${list}:\nhttp`);
  t.match(smtp.mails[1]?.headers.get('list'), { unsubscribe: { url: /\/unsubscribe\/notifications\./ } });

  await sql`update notifications set mail = null, created_at = now() - interval '49 hours'`.execute(app.db);
  t.equal(await mailDaily(app, { signal }), 0, 'nor is what is older than two days');
});

t.test('daily mails are enqueued in batches, behind mail that people wait for', async (t) => {
  const { app, author } = await setUp();
  await sql`
    insert into users (email, username, password_hash, role, confirmed_at)
    select 'u' || n || '@example.com', 'u' || n, 'x', 'User', now() from generate_series(1, 1200) as n
  `.execute(app.db);
  await sql`
    insert into notifications (recipient_id, kind, cause, actor_id)
    select id, 'follow', 'follow by ' || n, ${author.id} from users, generate_series(1, 2) as n where id <> ${author.id}
  `.execute(app.db);
  t.equal(await mailDaily(app, { signal }), 1201);
  t.equal(await mailDaily(app, { signal }), 0);
  const { rows } = await sql`
    select count(distinct data ->> 'userId')::int as people, max(priority) as highest from pgboss.job where name = 'mail'
  `.execute(app.db);
  t.same(rows, [{ people: 1201, highest: -10 }]);
});

t.test('people can unsubscribe in the mail program and on the page', async (t) => {
  const { app, smtp, author, reader, comment, deliver, anHourLater } = await setUp();
  await comment(reader.id, 'Well said.');
  await deliver();
  const [mail] = smtp.mails;
  const header = mail?.headers.get('list');
  t.match(header, { unsubscribe: { url: /\/unsubscribe\/[\w.-]{45}$/ } });
  t.match(header, { 'unsubscribe-post': { name: 'List-Unsubscribe=One-Click' } });
  const path = new URL(/http\S+\/unsubscribe\/\S+/.exec(mail?.text ?? '')?.[0] ?? '').pathname;

  const visitor = new Client(app);
  const asked = await visitor.get(path);
  t.match(asked.body, 'Unsubscribe from comment emails');
  await comment(reader.id, 'Still there?');
  await drain(app);
  await anHourLater();
  await drain(app);
  t.equal(smtp.mails.length, 2, 'opening the page changes nothing');
  t.ok(smtp.mails[1]?.text?.includes(path), 'a person has one link for all mails of a list');

  // As a mail program sends it (RFC 8058), in both encodings: without cookie, Origin or Sec-Fetch-Site.
  const part = 'Content-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click';
  for (const [type, payload] of [
    ['multipart/form-data; boundary=cut', `--cut\r\n${part}\r\n--cut--\r\n`],
    ['application/x-www-form-urlencoded', 'List-Unsubscribe=One-Click'],
  ] as const) {
    const headers = { 'content-type': type };
    t.equal((await app.inject({ method: 'POST', url: path, headers, payload })).statusCode, 200, type);
    const huge = { method: 'POST', url: path, headers, payload: 'x'.repeat(2 * 2 ** 20) } as const;
    t.equal((await app.inject(huge)).statusCode, 413, type);
  }
  await comment(reader.id, 'Hello?');
  await drain(app);
  await anHourLater();
  await drain(app);
  t.equal(smtp.mails.length, 2);
  t.match(await notificationsOf(app, author), [{}, {}, { readAt: null }], 'but it is on the site');
  t.equal((await visitor.post(path, {})).statusCode, 200, 'repeating it does no harm');
  t.match((await visitor.get(path)).body, 'Unsubscribe from comment emails', 'the link lasts');
  const all = path.replace('comments', 'notifications');
  t.match((await visitor.post(all, {})).body, 'You will no longer receive all emails about notifications');
  await sql`update users set wants_digest = true`.execute(app.db);
  await visitor.post(path.replace('comments', 'digest'), {});
  const choices = await findMailChoices(app.db, author.id);
  t.match(choices, {
    wantsDigest: false,
    comments: 'never',
    replies: 'never',
    mentions: 'never',
    follows: 'never',
  });
  for (const wrong of ['x'.repeat(43), `comments.${randomUUID()}`, path.replace(/.*comments/, 'likes')]) {
    for (const method of ['GET', 'POST'] as const)
      t.equal((await app.inject({ method, url: `/unsubscribe/${wrong}` })).statusCode, 404, method);
  }
});
