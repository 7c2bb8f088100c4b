import { sql } from 'kysely';
import t from 'tap';
import { block } from '../../src/domain/blocks/block.ts';
import { setCommentDisabled } from '../../src/domain/comments/write.ts';
import { follow, unfollow } from '../../src/domain/follows/follow.ts';
import { like, unlike } from '../../src/domain/likes/like.ts';
import { renderText } from '../../src/domain/mentions/render.ts';
import { sanction } from '../../src/domain/moderation/sanction.ts';
import { MAX_DAILY_MENTIONS, notify } from '../../src/domain/notifications/notify.ts';
import { publishPost, updatePost } from '../../src/domain/posts/write.ts';
import { mailQueue, notificationMailQueue } from '../../src/queues.ts';
import { createUser } from '../support/factories.ts';
import { assertEnqueued, drain } from '../support/jobs.ts';
import { notificationsOf, shareNotifications } from '../support/notifications.ts';
import { writePosts } from '../support/writing.ts';

const setUp = await shareNotifications(t);

t.test('comments, likes, follows and moderators’ decisions notify people', async (t) => {
  const { app, author, reader, postId, comment } = await setUp();
  const commentId = await comment(reader.id, 'Well said.');
  await follow(app, reader.id, author.id);
  const ann = await createUser(app, { username: 'ann' });
  await block(app.db, { blockerId: author.id, blockedId: ann.id }, 'mute');
  const [likedBefore = 0] = await writePosts(app, ann);
  await app.db.insertInto('likes').values({ user_id: reader.id, post_id: likedBefore }).execute();
  await like(app, { userId: reader.id, postId });
  const moderator = { id: reader.id, role: 'Administrator' } as const;
  await sanction(app, moderator, author.id, { kind: 'warned', days: null, reason: 'Spam' });
  await drain(app);
  const found = (await notificationsOf(app, author)).toSorted((a, b) => a.kind.localeCompare(b.kind));
  t.match(found, [
    { kind: 'comment', actorId: reader.id, commentId, postId },
    { kind: 'follow', actorId: reader.id },
    { kind: 'like', actorId: reader.id, postId, commentId: null },
    { kind: 'moderation', actorId: null },
  ]);
  for (const other of [reader, ann]) t.same(await notificationsOf(app, other), []);

  await unfollow(app.db, reader.id, author.id);
  await unlike(app.db, { userId: reader.id, postId });
  await follow(app, reader.id, author.id);
  await like(app, { userId: reader.id, postId });
  await drain(app);
  t.equal((await notificationsOf(app, author)).length, 4, 'following or liking again is nothing new');
});

t.test('replies and mentions notify people, once per comment, with the most specific reason', async (t) => {
  const { app, author, reader, postId, comment } = await setUp();
  const [ann, bob] = [await createUser(app, { username: 'ann' }), await createUser(app, { username: 'bob' })];
  const first = await comment(reader.id, 'Well said.');
  await drain(app);
  await comment(ann.id, 'Said @susan, @john, @ann and @bob', first);
  await drain(app);
  const kindsOf = async (person: { id: number }) =>
    (await notificationsOf(app, person)).map(({ kind }) => kind);
  t.same(await kindsOf(reader), ['reply'], 'not also as a mention');
  t.same(await kindsOf(author), ['comment', 'mention'], 'not also as a comment');
  t.same(await kindsOf(bob), ['mention']);
  t.same(await kindsOf(ann), [], 'not of oneself');

  const write = (body: string, replaces?: { postId: number }) =>
    renderText(app, { kind: 'post', body, writerId: author.id, ...(replaces && { replaces }) });
  const { id: otherPost } = await publishPost(app, ann.id, await write('Dear @susan'));
  await drain(app);
  await updatePost(app, postId, await write('Hello @bob', { postId }), undefined);
  await drain(app);
  await updatePost(app, postId, await write('Hello @bob and @ann', { postId }), undefined);
  await drain(app);
  t.match(await notificationsOf(app, bob), [{}, { kind: 'mention', postId, commentId: null }]);
  t.same(await kindsOf(ann), ['mention'], 'only the new name');
  t.match(await notificationsOf(app, reader), [{ kind: 'reply' }, { kind: 'mention', postId: otherPost }]);
  t.same(await kindsOf(reader), ['reply', 'mention']);
});

t.test('nobody is notified of their own actions, or of hidden, deleted or unwanted texts', async (t) => {
  const { app, author, reader, comment } = await setUp();
  await comment(author.id, 'I meant it.');
  await setCommentDisabled(app.db, await comment(reader.id, 'spam'), true);
  await app.db
    .deleteFrom('comments')
    .where('id', '=', await comment(reader.id, 'Sorry'))
    .execute();
  await follow(app, reader.id, author.id);
  await unfollow(app.db, reader.id, author.id);
  const [muted, blocked] = [
    await createUser(app, { username: 'muted' }),
    await createUser(app, { username: 'blocked' }),
  ];
  await comment(blocked.id, 'You!');
  await block(app.db, { blockerId: author.id, blockedId: blocked.id }, 'block');
  await block(app.db, { blockerId: author.id, blockedId: muted.id }, 'mute');
  await comment(muted.id, 'Listen to me.');
  await drain(app);
  t.same(await notificationsOf(app, author), []);
});

t.test('mentions by one person notify at most a hundred times a day, their replies always', async (t) => {
  const { app, author, reader, comment } = await setUp();
  const ann = await createUser(app, { username: 'ann' });
  await sql`
    insert into notifications (recipient_id, kind, cause, actor_id, created_at)
    select ${ann.id}, 'mention', 'comment ' || -n, ${reader.id}, now() - interval '23 hours'
    from generate_series(1, ${MAX_DAILY_MENTIONS}::int) as n
  `.execute(app.db);
  await comment(reader.id, 'Buy this, @ann!');
  await drain(app);
  t.equal((await notificationsOf(app, ann)).length, MAX_DAILY_MENTIONS);
  t.match(await notificationsOf(app, author), [{ kind: 'comment' }]);
  await sql`update notifications set created_at = created_at - interval '2 hours'`.execute(app.db);
  await comment(reader.id, 'Look at this, @ann.');
  await drain(app);
  t.equal((await notificationsOf(app, ann)).length, MAX_DAILY_MENTIONS + 1, 'the next day they do');
});

t.test('a job that runs twice, or is killed halfway, notifies and mails once', async (t) => {
  const { app, author, reader, comment } = await setUp();
  const cause = { about: 'comment', commentId: await comment(reader.id, 'Well said.') } as const;
  const dying = Object.assign(Object.create(app.queue), {
    send: async () => {
      throw new Error('killed');
    },
  });
  await t.rejects(notify({ db: app.db, queue: dying }, cause), /killed/);
  t.same(await notificationsOf(app, author), []);
  await Promise.all([notify(app, cause), notify(app, cause)]);
  await notify(app, cause);
  t.equal((await notificationsOf(app, author)).length, 1);
  await assertEnqueued(t, app, notificationMailQueue, [{ userId: author.id }]);
  await assertEnqueued(t, app, mailQueue, []);
});
