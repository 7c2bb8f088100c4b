import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { TestClock } from 'pg-boss';
import t from 'tap';
import { block } from '../../src/domain/blocks/block.ts';
import { publishComment, setCommentDisabled } from '../../src/domain/comments/write.ts';
import { commentNoticeQueue } from '../../src/queue/contracts.ts';
import { build } from '../support/build.ts';
import { Client } from '../support/client.ts';
import { createUser } from '../support/factories.ts';
import { assertEnqueued, drain } from '../support/jobs.ts';
import { catchMail } from '../support/smtp.ts';
import { writePosts } from '../support/writing.ts';

async function setUp(t: Parameters<typeof build>[0]) {
  const smtp = await catchMail(t);
  const clock = new TestClock();
  const app = await build(t, { SMTP_URL: smtp.url }, { clock });
  const author = await createUser(app, { username: 'john' });
  const reader = await createUser(app, { username: 'susan' });
  const [postId = 0] = await writePosts(app, author);
  const comment = async (authorId: number, body: string) => {
    const text = await app.markdown.comment(body);
    return app.db
      .transaction()
      .execute((trx) => publishComment({ db: trx, queue: app.queue }, { postId, authorId, text }));
  };
  /** Lets an hour pass, for the queue and in the database. */
  const anHourLater = async () => {
    await clock.setTime(clock.now() + 61 * 60 * 1000);
    await sql`update comment_notices set mailed_at = mailed_at - interval '61 minutes'`.execute(app.db);
  };
  return { app, smtp, author, reader, postId, comment, anHourLater };
}

t.test('a comment is mailed to the author, and those within the next hour are collected', async (t) => {
  const { app, smtp, reader, comment, anHourLater } = await setUp(t);
  await comment(reader.id, 'Well said.');
  await drain(app);
  t.equal(smtp.mails.length, 1);
  t.match(smtp.mails[0], {
    to: { text: 'john@example.com' },
    subject: '[Pennypost] New comments on your post',
  });
  t.match(smtp.mails[0]?.text, 'There is a new comment on your post');
  t.match(smtp.mails[0]?.text, 'susan wrote:\n\n> Well said.');
  t.match(smtp.mails[0]?.html, '<blockquote>Well said.</blockquote>');

  await comment(reader.id, 'And another thing.');
  await comment(reader.id, 'And a third.');
  await drain(app);
  t.equal(smtp.mails.length, 1, 'it is too soon');
  await assertEnqueued(t, app, commentNoticeQueue, [{}]);

  await anHourLater();
  await drain(app);
  t.equal(smtp.mails.length, 2);
  t.match(smtp.mails[1]?.text, 'There are 2 new comments');
  t.match(smtp.mails[1]?.text, /And another thing\.[\s\S]*And a third\./);
  t.notMatch(smtp.mails[1]?.text, 'Well said.');
});

t.test('own and hidden comments, those by muted people and opted-out authors cause no mail', async (t) => {
  const { app, smtp, author, reader, comment } = await setUp(t);
  await comment(author.id, 'I meant it.');
  await drain(app);
  await comment(reader.id, 'spam');
  const { id } = await app.db
    .selectFrom('comments')
    .select('id')
    .where('body', '=', 'spam')
    .executeTakeFirstOrThrow();
  await setCommentDisabled(app.db, id, true);
  await drain(app);
  await block(app.db, { blockerId: author.id, blockedId: reader.id }, 'mute');
  await comment(reader.id, 'Listen to me.');
  await drain(app);
  await sql`delete from blocks`.execute(app.db);
  await sql`delete from comments`.execute(app.db);
  await sql`update users set wants_comment_mails = false`.execute(app.db);
  await comment(reader.id, 'Well said.');
  await drain(app);
  t.same(smtp.mails, []);
});

t.test('a comment hidden after the mail was enqueued is left out', async (t) => {
  const { app, smtp, reader, comment } = await setUp(t);
  await comment(reader.id, 'spam');
  await comment(reader.id, 'Well said.');
  await sql`update comments set is_disabled = true where body = 'spam'`.execute(app.db);
  await drain(app);
  t.notMatch(smtp.mails[0]?.text, 'spam');
});

t.test('people can unsubscribe in the mail program and on the page', async (t) => {
  const { app, smtp, reader, comment, anHourLater } = await setUp(t);
  await comment(reader.id, 'Well said.');
  await drain(app);
  const [mail] = smtp.mails;
  const header = mail?.headers.get('list');
  t.match(header, { unsubscribe: { url: /\/unsubscribe\/[\w.-]{45}$/ } });
  t.match(header, { 'unsubscribe-post': { name: 'List-Unsubscribe=One-Click' } });
  const path = new URL(/http\S+\/unsubscribe\/\S+/.exec(mail?.text ?? '')?.[0] ?? '').pathname;

  const visitor = new Client(app);
  const asked = await visitor.get(path);
  t.match(asked.body, 'Unsubscribe from comment emails');
  await comment(reader.id, 'Still there?');
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
  await anHourLater();
  await drain(app);
  t.equal(smtp.mails.length, 2);
  t.equal((await visitor.post(path, {})).statusCode, 200, 'repeating it does no harm');
  t.match((await visitor.get(path)).body, 'Unsubscribe from comment emails', 'the link lasts');
  for (const wrong of ['x'.repeat(43), `comments.${randomUUID()}`, path.replace(/.*comments/, 'posts')]) {
    t.equal((await visitor.get(`/unsubscribe/${wrong}`)).statusCode, 404);
  }
});
