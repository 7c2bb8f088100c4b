import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import t from 'tap';
import { eraseAccount } from '../../src/domain/accounts/erase.ts';
import { block } from '../../src/domain/blocks/block.ts';
import { deletePost, publishPost, setPostDisabled, updatePost } from '../../src/domain/posts/write.ts';
import { changeSettings } from '../../src/domain/site/settings.ts';
import { loadNewPost } from '../../src/domain/subscriptions/load-mail.ts';
import { mailPost } from '../../src/domain/subscriptions/mail-post.ts';
import { listSubscriptions } from '../../src/domain/subscriptions/subscribe.ts';
import { mailQueue, postMailQueue } from '../../src/queues.ts';
import { bounce } from '../support/bounce.ts';
import { createUser } from '../support/factories.ts';
import { assertEnqueued, drain, jobsOf } from '../support/jobs.ts';
import { addSubscribers, setUpSubscriptions, shareSubscriptions } from '../support/subscriptions.ts';
import { writePosts } from '../support/writing.ts';

const setUp = await shareSubscriptions(t);
const signal = new AbortController().signal;

async function list(app: FastifyInstance, postId: number, isListed: boolean): Promise<void> {
  const writing = { ...(await app.markdown.post('Edited')), isUnlisted: !isListed };
  await updatePost(app, postId, writing, undefined);
}

t.test('each subscriber gets one mail, however often the job runs or is killed', async (t) => {
  const { app, author } = await setUp();
  const stranger = await createUser(app);
  await writePosts(app, author);
  t.same(await jobsOf(app, postMailQueue), [], 'there is no job without subscribers');
  await addSubscribers(app, author.id, 1200);
  await addSubscribers(app, stranger.id, 3);
  const [postId = 0] = await writePosts(app, author);
  await assertEnqueued(t, app, postMailQueue, [{ postId }]);
  await sql`
    insert into subscriptions (author_id, email, confirmed_at) values (${author.id}, 'late@example.com', now())
  `.execute(app.db);

  const killed = new AbortController();
  const queue = {
    ...app.queue,
    send: app.queue.send.bind(app.queue),
    sendAll: (...args: Parameters<typeof app.queue.sendAll>) => {
      killed.abort(new Error('killed'));
      return app.queue.sendAll(...args);
    },
  };
  await t.rejects(mailPost({ db: app.db, queue }, postId, { signal: killed.signal }), { message: 'killed' });
  t.equal((await jobsOf(app, mailQueue)).length, 500);
  const runs = await Promise.all([mailPost(app, postId, { signal }), mailPost(app, postId, { signal })]);
  t.equal(runs[0] + runs[1], 700);
  t.equal(await mailPost(app, postId, { signal }), 0);
  const { rows } = await sql`
    select count(*)::int as mails, count(distinct data ->> 'subscriptionId')::int as subscribers,
      max(priority) as highest from pgboss.job where name = 'mail'
  `.execute(app.db);
  t.same(rows, [{ mails: 1200, subscribers: 1200, highest: -10 }]);
});

t.test('changes made before a mail is sent count', async (t) => {
  const { app, author } = await setUp();
  const reader = await createUser(app, { username: 'john', email: 'Reader1@example.com' });
  const stranger = await createUser(app, { username: 'mary' });
  await addSubscribers(app, author.id);
  const suspend = (interval: string) =>
    sql`update users set suspended_until = now() + ${interval}::interval where id = ${author.id}`.execute(
      app.db,
    );
  const parting = { blockerId: reader.id, blockedId: author.id };
  const blocking = { blockerId: author.id, blockedId: reader.id };
  const changes: Record<string, (postId: number) => Promise<unknown>> = {
    nothing: async () => {},
    'muted by its author': () => block(app.db, blocking, 'mute'),
    'muted by another reader': () => block(app.db, { ...parting, blockerId: stranger.id }, 'mute'),
    'hidden by a moderator': (postId) => setPostDisabled(app.db, postId, true),
    unlisted: (postId) => list(app, postId, false),
    deleted: (postId) => deletePost(app.db, postId),
    'of a suspended author': () => suspend('1 day'),
    'by somebody the reader has muted': () => block(app.db, parting, 'mute'),
    'by somebody who has blocked the reader': () => block(app.db, blocking, 'block'),
    'turned off': () => changeSettings(app, { email_subscriptions: 'off' }),
    unsubscribed: () => app.db.deleteFrom('subscriptions').execute(),
  };
  const { id: subscriptionId } = await app.db
    .selectFrom('subscriptions')
    .select('id')
    .executeTakeFirstOrThrow();
  for (const [what, change] of Object.entries(changes)) {
    const [postId = 0] = await writePosts(app, author);
    await change(postId);
    const mail = await loadNewPost(app.db, { subscriptionId, postId });
    t.equal(mail !== undefined, /nothing|muted by its author|another reader/.test(what), what);
    await app.db.deleteFrom('blocks').execute();
    await changeSettings(app, { email_subscriptions: 'on' });
    await suspend('-1 day');
  }
  await addSubscribers(app, author.id);
  for (const what of [
    'hidden by a moderator',
    'unlisted',
    'deleted',
    'of a suspended author',
    'turned off',
  ]) {
    const [postId = 0] = await writePosts(app, author);
    await changes[what]?.(postId);
    t.equal(await mailPost(app, postId, { signal }), 0, `${what}, before it was enqueued`);
    await changeSettings(app, { email_subscriptions: 'on' });
    await suspend('-1 day');
  }
});

t.test('an unlisted post is mailed once, when it is first listed', async (t) => {
  const { app, author } = await setUp();
  await addSubscribers(app, author.id);
  const unlisted = { ...(await app.markdown.post('Later')), isUnlisted: true };
  const { id } = await publishPost(app, author.id, unlisted);
  t.same(await jobsOf(app, postMailQueue), []);
  await sql`update posts set created_at = now() - interval '1 month'`.execute(app.db);

  await list(app, id, true);
  await assertEnqueued(t, app, postMailQueue, [{ postId: id }]);
  t.equal(await mailPost(app, id, { signal }), 1);
  await list(app, id, false);
  await list(app, id, true);
  t.equal(await mailPost(app, id, { signal }), 0);
  await sql`update posts set created_at = now() - interval '8 days'`.execute(app.db);
  await sql`update subscriptions set confirmed_at = now() - interval '9 days'`.execute(app.db);
  await app.db.deleteFrom('post_mailings').execute();
  await list(app, id, false);
  await list(app, id, true);
  t.equal(await mailPost(app, id, { signal }), 0, 'even when it is no longer recorded that it was');
});

t.test('at most ten posts of an author are mailed in a day', async (t) => {
  const { app, author } = await setUp();
  await addSubscribers(app, author.id);
  const mailed = [];
  for (const postId of await writePosts(app, author, 11))
    mailed.push(await mailPost(app, postId, { signal }));
  t.same(mailed, [...Array(10).fill(1), 0]);
  await sql`update post_mailings set created_at = now() - interval '25 hours'`.execute(app.db);
  const [postId = 0] = await writePosts(app, author);
  t.equal(await mailPost(app, postId, { signal }), 1, 'the next day');
});

t.test('a subscription ends when its address does not exist', async (t) => {
  let refuse: number | undefined;
  const { app, smtp, author } = await setUpSubscriptions(t, {
    env: { MAIL_RETURN_PATH: 'bounces@blog.example' },
    smtp: { refuseRecipient: () => refuse, refusal: '5.1.1 no such user' },
  });
  await addSubscribers(app, author.id, 2);
  const emails = async () =>
    (await app.db.selectFrom('subscriptions').select('email').orderBy('id').execute()).map(
      ({ email }) => email,
    );
  const [postId = 0] = await writePosts(app, author);
  await mailPost(app, postId, { signal });
  await drain(app);
  const bounced = smtp.mails.findIndex(({ to }) => [to].flat()[0]?.text === 'reader1@example.com');
  const [, key = ''] = /\+(\w+)@/.exec(smtp.returnPaths[bounced] ?? '') ?? [];
  await app.inject({
    method: 'POST',
    url: `/bounces/${key}`,
    payload: bounce(),
    headers: { 'content-type': 'message/rfc822' },
  });
  t.same(await emails(), ['reader2@example.com'], 'the mail came back');

  refuse = 550;
  await sql`
    insert into subscriptions (author_id, email, asked_at) values (${author.id}, 'typo@example.com', now())
  `.execute(app.db);
  const { id } = await app.db
    .selectFrom('subscriptions')
    .select('id')
    .where('email', '=', 'typo@example.com')
    .executeTakeFirstOrThrow();
  await app.queue.send(mailQueue, { template: 'confirm-subscription', subscriptionId: id }, { db: app.db });
  const [next = 0] = await writePosts(app, author);
  await mailPost(app, next, { signal });
  await drain(app);
  t.same(
    await emails(),
    ['typo@example.com'],
    'its server refused; an unconfirmed one stays, and gets no other mail today',
  );
});

t.test('an erased account’s subscriptions and subscribers are deleted', async (t) => {
  const { app, author } = await setUp();
  const john = await createUser(app, { username: 'john', email: 'Reader1@example.com' });
  await addSubscribers(app, author.id, 2);
  await addSubscribers(app, john.id, 2);
  await sql`update users set deletion_due_at = now(), deletion_keeps_texts = true where id = ${john.id}`.execute(
    app.db,
  );
  const rival = await createUser(app, {
    username: 'rival',
    email: 'reader2@example.com',
    isConfirmed: false,
  });
  t.same(await listSubscriptions(app.db, rival.id), [], 'an unconfirmed address is another’s');
  await sql`update users set deletion_due_at = now() where id = ${rival.id}`.execute(app.db);
  for (const { id } of [john, rival]) await eraseAccount(app.db, id, { signal });
  const left = await app.db.selectFrom('subscriptions').select(['author_id as authorId', 'email']).execute();
  t.same(
    left,
    [{ authorId: author.id, email: 'reader2@example.com' }],
    'an unconfirmed address is another’s',
  );
});
