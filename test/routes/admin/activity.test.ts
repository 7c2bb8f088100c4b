import { sql } from 'kysely';
import t from 'tap';
import { buildSharedWithMail } from '../../support/build.ts';
import { messagesOf } from '../../support/client.ts';
import { createUser, signedInClient } from '../../support/factories.ts';
import { drain } from '../../support/jobs.ts';
import { writeComments, writePosts } from '../../support/writing.ts';

const emptied = await buildSharedWithMail(t);

async function setUp() {
  const { app, smtp } = await emptied();
  const john = await createUser(app);
  const [postId = 0] = await writePosts(app, john);
  const [commentId = 0] = await writeComments(app, john, postId);
  const moderator = await signedInClient(app, await createUser(app, { username: 'mod', role: 'Moderator' }));
  const boss = await signedInClient(app, await createUser(app, { username: 'boss', role: 'Administrator' }));
  const sanction = (kind: string) =>
    moderator.post(`/moderate/people/${john.id}`, { kind, period: '7', reason: 'Too loud' });
  /** The moderation log, newest first: what was done by whom, and whether it can be undone. */
  const log = async () => {
    const { body } = await boss.get('/admin/activity?kind=moderation');
    return [...body.matchAll(/<td id="event-(\d+)">.*?<\/tr>/gs)].map(([row, id = '']) => {
      const cells = row
        .split('</td>')
        .map((cell) => cell.replaceAll(/<a[^>]*>Open.*?<\/a>|<[^>]*>/g, '').trim());
      return {
        id,
        account: cells[2],
        what: cells[3],
        by: cells[4],
        isUndoable: row.includes(`/${id}/undo?next=`),
      };
    });
  };
  const undo = (id: string | undefined, client = boss) => client.post(`/admin/activity/${id}/undo`);
  return { app, smtp, john, postId, commentId, moderator, boss, sanction, log, undo };
}

t.test('the log says who did what and why, and Administrators undo what is in force', async (t) => {
  const { app, postId, commentId, moderator, boss, log, undo } = await setUp();
  /** Whether the post and its comment are hidden. */
  const areHidden = async () => {
    const post = await app.db.selectFrom('posts').select('is_disabled').executeTakeFirst();
    const comment = await app.db.selectFrom('comments').select('is_disabled').executeTakeFirst();
    return [post?.is_disabled, comment?.is_disabled];
  };
  await moderator.post(`/moderate/disable/post/${postId}`, { reason: 'Spam' });
  await moderator.post(`/moderate/disable/${commentId}`, { reason: 'Rude' });
  const [comment, post] = await log();
  t.match(post, { account: 'john', what: `Post hidden, post ${postId}: Spam`, by: 'mod', isUndoable: true });
  t.match(comment, { what: `Comment hidden, post ${postId}, comment ${commentId}: Rude`, isUndoable: true });

  const undone = await undo(post?.id);
  t.equal(undone.statusCode, 303);
  t.same(messagesOf(await boss.follow(undone)), ['The action has been undone, and the log records it.']);
  await undo(comment?.id);
  t.same(await areHidden(), [false, false]);
  const [shownComment, shownPost, ...before] = await log();
  t.match(shownPost, { what: `Post shown again, post ${postId}, undoing no. ${post?.id}`, by: 'boss' });
  t.match(shownComment, { what: `undoing no. ${comment?.id}`, isUndoable: true });
  t.same(
    before.map(({ isUndoable }) => isUndoable),
    [false, false],
    'it is no longer in force',
  );

  const again = await undo(post?.id);
  t.equal(again.statusCode, 409);
  t.match(again.body, 'There is nothing left to undo.');
  t.equal((await log()).length, 4);
  await undo(shownPost?.id);
  t.same(await areHidden(), [true, false], 'undoing can be undone');
  await undo(shownComment?.id);
  t.same(await areHidden(), [true, true]);
  t.equal((await log()).find(({ id }) => id === post?.id)?.isUndoable, false, 'the first time stays over');

  await moderator.post(`/moderate/disable/post/${postId}`);
  t.equal((await log()).length, 6, 'what is hidden already is not hidden again');
  await app.db.deleteFrom('posts').execute();
  t.notOk(
    (await log()).some(({ isUndoable }) => isUndoable),
    'nothing is left to show or hide',
  );
});

t.test('three clicks on undo count as one', async (t) => {
  const { john, moderator, log, undo } = await setUp();
  await moderator.post(`/moderate/people/${john.id}/hide-texts`, { reason: 'Spam' });
  const [hiding] = await log();
  const answers = await Promise.all([1, 2, 3].map(() => undo(hiding?.id)));
  t.same(answers.map(({ statusCode }) => statusCode).sort(), [303, 409, 409]);
  t.equal((await log()).length, 2);
});

t.test('Administrators lift sanctions one by one, and the person is told', async (t) => {
  const { app, smtp, john, moderator, boss, sanction, log, undo } = await setUp();
  for (const kind of ['warned', 'silenced', 'silenced', 'suspended']) await sanction(kind);
  const entries = await log();
  t.same(
    entries.map(({ isUndoable }) => isUndoable),
    [true, true, false, false],
    'only the last of each kind',
  );
  const [suspended, silenced, , warned] = entries;
  t.equal((await undo(suspended?.id, moderator)).statusCode, 403);
  t.equal((await undo(warned?.id)).statusCode, 409);
  await undo(suspended?.id);
  const tab = await signedInClient(app, john);
  t.equal((await tab.post('/', { body: 'Hello' })).statusCode, 403, 'the other sanction remains');
  t.match(await log(), [
    { what: /^Sanctions lifted, only the suspension, undoing no\. / },
    {},
    { isUndoable: true },
  ]);
  await undo(silenced?.id);
  t.equal((await tab.post('/', { body: 'Hello' })).statusCode, 303);
  t.notOk((await log()).some(({ isUndoable }) => isUndoable));
  await drain(app);
  const texts = smtp.mails.map(({ text = '' }) => /you can .* again/.exec(text)?.[0]).filter(Boolean);
  t.same(texts.sort(), ['you can log in again', 'you can write again']);

  await sanction('silenced');
  await sql`update users set silenced_until = now() where id = ${john.id}`.execute(app.db);
  t.equal((await log())[0]?.isUndoable, false, 'it has ended by itself');
  t.equal((await boss.post(`/moderate/people/${john.id}/lift`)).statusCode, 409, 'there is nothing to lift');
});

t.test('one button also undoes hiding everything that a person wrote', async (t) => {
  const { app, john, postId, moderator, boss, log, undo } = await setUp();
  await moderator.post(`/moderate/people/${john.id}/hide-texts`, { reason: 'Spam' });
  await drain(app);
  const [hidden] = await log();
  t.match(hidden, { what: 'All posts and comments hidden: Spam', by: 'mod', isUndoable: true });
  t.match((await boss.get(`/post/${postId}`)).body, 'Hidden by a moderator');
  await undo(hidden?.id);
  await drain(app);
  t.notMatch((await boss.get(`/post/${postId}`)).body, 'Hidden by a moderator');
  const [shown, ...before] = await log();
  t.match([shown, ...before], [{ isUndoable: true }, { isUndoable: false }]);
  await undo(shown?.id);
  await drain(app);
  t.match((await boss.get(`/post/${postId}`)).body, 'Hidden by a moderator', 'undoing can be undone');
  const { id } = await app.db
    .selectFrom('security_events')
    .select('id')
    .where('kind', '=', 'logged-in')
    .limit(1)
    .executeTakeFirstOrThrow();
  t.equal((await undo(String(id))).statusCode, 409, 'a log-in is no action of a moderator');
});
