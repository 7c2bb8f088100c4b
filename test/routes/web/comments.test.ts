import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import t from 'tap';
import { block, unblock } from '../../../src/domain/blocks/block.ts';
import { updateComment } from '../../../src/domain/comments/edit.ts';
import { deleteComment, publishComment, setCommentDisabled } from '../../../src/domain/comments/write.ts';
import { setPostDisabled } from '../../../src/domain/posts/write.ts';
import { build, buildShared } from '../../support/build.ts';
import { Client, errorsOf } from '../../support/client.ts';
import { createUser, signedInClient } from '../../support/factories.ts';
import { writeComments, writePosts, writeReply } from '../../support/writing.ts';

const emptied = await buildShared(t);

async function setUp(own?: Promise<FastifyInstance>) {
  const app = await (own ?? emptied());
  const [john, susan] = [await createUser(app), await createUser(app, { username: 'susan' })];
  const [byJohn, bySusan] = [await signedInClient(app, john), await signedInClient(app, susan)];
  const [postId = 0] = await writePosts(app, john);
  return { app, john, susan, byJohn, bySusan, postId };
}

/** The comments of a page and what is between them, in short. */
function outline(body: string): string[] {
  const items = body.matchAll(/<li( id="comment-\d+")?( class=\w+| class="quiet")?>(.*?)<\/li>/gs);
  return [...items].flatMap(([, id, role = '', item = '']) => {
    const about = /<p class="quiet answered">(.*?)<\/p>/.exec(item)?.[1]?.replaceAll(/<[^>]*>/g, '');
    if (id !== undefined)
      return [`${role && '> '}${/Reply \d+|Comment \d+/.exec(item)}${about ? `, ${about}` : ''}`];
    return role === '' ? [] : [item.replaceAll(/<[^>]*>/g, '').trim()];
  });
}

t.test('a reply is shown below its thread, and its author is taken to it', async (t) => {
  const { app, john, susan, bySusan, postId } = await setUp(build(t, { COMMENTS_PER_PAGE: '3' }));
  const [first = 0, second = 0] = await writeComments(app, john, postId, 4);
  const form = await bySusan.get(`/comment/${first}/reply`);
  t.match(form.body, 'Comment 1');
  t.match(form.body, `name="parent" value="${first}"`);

  const parent = String(first);
  const empty = await bySusan.post(`/post/${postId}`, { parent, body: '' });
  t.equal(empty.statusCode, 422);
  t.same(errorsOf(empty), { [`reply-${first}`]: 'This field is required.' });
  const preview = await bySusan.post(`/post/${postId}`, { parent, body: 'Reply *5*', preview: 'y' });
  t.match(preview.body, 'Reply <em>5</em>');
  t.match(preview.body, `name="parent" value="${first}"`);

  const answer = await bySusan.post(`/post/${postId}`, { parent, body: 'Reply 5' });
  t.equal(answer.headers.location, '/comment/5');
  const permalink = await bySusan.get('/comment/5');
  t.equal(permalink.statusCode, 302);
  t.equal(permalink.headers.location, `/post/${postId}#comment-5`);
  const page = await bySusan.follow(permalink);
  t.match(page.body, /<li id="comment-5" class=reply>\s*<p class="message" role="status">Your comment has/);
  t.same(outline(page.body), ['Comment 1', '> Reply 5, In reply to john', 'Comment 2']);
  t.equal((await bySusan.get(`/comment/${second}`)).headers.location, `/post/${postId}#comment-${second}`);

  const deeper = await writeReply(app, john, { postId, parentId: 5, body: 'Reply 6' });
  for (let number = 7; number < 9; number += 1)
    await writeReply(app, susan, { postId, parentId: second, body: `Reply ${number}` });
  const own = await new Client(app).get(`/comment/${deeper}`);
  t.same(outline((await bySusan.follow(own)).body), [
    'Comment 1',
    '> Reply 5, In reply to john',
    '> Reply 6, In reply to susan',
  ]);
  const last = await bySusan.follow(await bySusan.get('/comment/8'));
  t.same(outline(last.body), ['Comment 2', '> Reply 7, In reply to john', '> Reply 8, In reply to john']);
  const next = /rel="next" href="([^"]+)"/.exec(last.body)?.[1] ?? '';
  t.same(outline((await bySusan.get(next)).body), ['Comment 3', 'Comment 4']);
  const short = await bySusan.follow(await bySusan.get('/comment/3'));
  t.same(outline(short.body), ['Comment 3', 'Comment 4'], 'a page begins with the thread if it fits');
  t.equal((await bySusan.get('/comment/99')).statusCode, 404);
  t.equal((await bySusan.get('/comment/99/reply')).statusCode, 404);
});

t.test('a thread stays readable without some of its comments', async (t) => {
  const { app, john, susan, byJohn, bySusan, postId } = await setUp(build(t, { COMMENTS_PER_PAGE: '4' }));
  const bob = await createUser(app, { username: 'bob' });
  await writeComments(app, susan, postId, 2);
  await writeReply(app, bob, { postId, parentId: 1, body: 'Reply 3' });
  await writeReply(app, susan, { postId, parentId: 3, body: 'Reply 4' });
  await writeReply(app, bob, { postId, parentId: 4, body: 'Reply 5' });

  await setCommentDisabled(app.db, 3, true);
  const hidden = (await byJohn.get(`/post/${postId}`)).body;
  t.notMatch(hidden, 'Reply 3');
  t.match(hidden, 'Hidden by a moderator');
  t.notMatch(hidden, 'href="/comment/3/reply"');
  t.same(outline(hidden).slice(2), ['> Reply 4, In reply to bob', '> Reply 5, In reply to susan']);
  await setCommentDisabled(app.db, 3, false);

  await block(app.db, { blockerId: john.id, blockedId: susan.id }, 'mute');
  t.same(outline((await byJohn.get(`/post/${postId}`)).body), [
    'A comment by somebody you have muted or blocked',
    '> Reply 3, In reply to somebody you have muted or blocked',
    '> Reply 5, In reply to somebody you have muted or blocked',
  ]);
  t.same(
    outline((await byJohn.get(`/post/${postId}?after=4`)).body)[0],
    'A comment by somebody you have muted or blocked',
  );
  t.same(outline((await bySusan.get(`/post/${postId}?after=3`)).body).slice(0, 2), [
    'Earlier in this thread',
    '> Reply 4, In reply to bob',
  ]);

  await bySusan.post('/comment/1/delete');
  const page = (await bySusan.get(`/post/${postId}`)).body;
  t.same(outline(page), [
    'Deleted comment',
    '> Reply 3, In reply to a deleted comment',
    '> Reply 4, In reply to bob',
    '> Reply 5, In reply to susan',
    'Comment 2',
  ]);
  t.match(page, '4 comments');
  await writeReply(app, bob, { postId, parentId: 5, body: 'Reply 6' });
  t.same(
    outline((await bySusan.follow(await bySusan.get('/comment/6'))).body).at(-1),
    '> Reply 6, In reply to bob',
  );
});

t.test('nobody can reply to somebody who has blocked them, nor to what is hidden or gone', async (t) => {
  const { app, john, susan, bySusan, postId } = await setUp();
  const bob = await createUser(app, { username: 'bob' });
  const [blocked = 0] = await writeComments(app, bob, postId);
  await block(app.db, { blockerId: bob.id, blockedId: susan.id }, 'block');
  const [, hidden = 0] = await writeComments(app, john, postId);
  await setCommentDisabled(app.db, hidden, true);
  const [otherPost = 0] = await writePosts(app, susan);
  const reply = (parent: number | string, post = postId) =>
    bySusan.post(`/post/${post}`, { parent: String(parent), body: 'A long thought' });

  const refused = await reply(blocked);
  t.equal(refused.statusCode, 403);
  t.same(errorsOf(refused), { [`reply-${blocked}`]: 'You cannot reply to comments by this person.' });
  t.match(refused.body, 'A long thought</textarea>');
  for (const [parent, post] of [
    [hidden, postId],
    [999, postId],
    [hidden, otherPost],
  ] as const) {
    const gone = await reply(parent, post);
    t.equal(gone.statusCode, 409);
    t.match(errorsOf(gone).body, 'You can publish this as a separate comment.');
    t.match(gone.body, 'A long thought</textarea>', 'the text is not lost');
  }
  for (const parent of ['0', '9999999999']) t.equal((await reply(parent)).statusCode, 404, parent);
  t.equal((await reply('x')).statusCode, 404);
  await setPostDisabled(app.db, postId, true);
  const comment = { postId, authorId: susan.id, text: await app.markdown.comment('A long thought') };
  await t.rejects(publishComment(app, comment), { code: 'not-found' });
  t.equal((await app.db.selectFrom('comments').select('id').execute()).length, 2);
});

t.test('a reply concurrent with the deletion of its parent is refused or stays', async (t) => {
  const { app, john, susan, postId } = await setUp();
  const actor = { id: susan.id, role: 'User', isConfirmed: true, silencedUntil: null } as const;
  const text = await app.markdown.comment('Reply');
  for (let round = 0; round < 15; round += 1) {
    const parentId = (await writeComments(app, susan, postId)).at(-1) ?? 0;
    const [published, deleted] = await Promise.allSettled([
      publishComment(app, { postId, authorId: john.id, parentId, text }),
      deleteComment(app.db, actor, parentId),
    ]);
    t.equal(deleted.status, 'fulfilled');
    if (published.status === 'rejected') t.match(published.reason, { code: 'parent-gone' });
  }
  const { rows } = await sql`
    select from posts where comment_count <> (select count(*) from comments where post_id = posts.id)
  `.execute(app.db);
  t.same(rows, []);
});

t.test('people can edit their comments for 15 minutes', async (t) => {
  const { app, john, bySusan, byJohn, susan, postId } = await setUp();
  const [id = 0, other = 0] = await writeComments(app, susan, postId, 2);
  await writePosts(app, susan);
  const url = `/comment/${id}/edit`;
  const age = (minutes: number) =>
    sql`update comments set created_at = now() - make_interval(mins => ${minutes})`.execute(app.db);
  await age(14);
  t.match((await bySusan.get(`/post/${postId}`)).body, `href="${url}"`);
  t.notMatch((await byJohn.get(`/post/${postId}`)).body, `href="${url}"`);
  t.match((await byJohn.get(url)).body, 'You can only edit your own comments.');
  t.equal((await byJohn.post(url, { body: 'Mine now' })).statusCode, 403);

  t.match((await bySusan.get(url)).body, 'Comment 1</textarea>');
  t.match((await bySusan.post(url, { body: '*New*', preview: 'y' })).body, '<em>New</em>');
  t.same(errorsOf(await bySusan.post(url, { body: '' })), { [`edit-${id}`]: 'This field is required.' });
  const page = await bySusan.follow(await bySusan.post(url, { body: 'Corrected', version: '1' }));
  t.match(page.body, /<p class="message" role="status">Your comment has been updated\..*edited .*Corrected/s);
  const unedited = app.db.selectFrom('comments').select('body').where('id', '=', other);
  t.same(await unedited.executeTakeFirst(), { body: 'Comment 2' });
  const stale = await bySusan.post(url, { body: 'From another tab', version: '1' });
  t.equal(stale.statusCode, 422);
  t.match(errorsOf(stale)[`edit-${id}`], 'This comment has changed since you started editing.');
  t.match(stale.body, 'name="version" value="2"');

  await setCommentDisabled(app.db, id, true);
  t.match((await bySusan.get(url)).body, 'A moderator has hidden this comment');
  await setCommentDisabled(app.db, id, false);
  const pair = { blockerId: john.id, blockedId: susan.id };
  await block(app.db, pair, 'block');
  const blocked = await bySusan.post(url, { body: 'You!', version: '2' });
  t.equal(blocked.statusCode, 403);
  t.match(errorsOf(blocked), { [`edit-${id}`]: /has blocked you/ });
  await unblock(app.db, pair, 'block');
  t.equal((await bySusan.get(url)).statusCode, 200);
  const bob = await createUser(app, { username: 'bob' });
  const parentId = (await writeComments(app, bob, postId)).at(-1) ?? 0;
  const reply = await writeReply(app, susan, { postId, parentId });
  await block(app.db, { blockerId: bob.id, blockedId: susan.id }, 'block');
  t.equal((await bySusan.post(`/comment/${reply}/edit`, { body: 'You!' })).statusCode, 403);
  await age(16);
  t.notMatch((await bySusan.get(`/post/${postId}`)).body, `href="${url}"`);
  const late = await bySusan.post(url, { body: 'Too late', version: '2' });
  t.equal(late.statusCode, 403);
  t.same(errorsOf(late), { [`edit-${id}`]: 'Comments can be edited for 15 minutes.' });
  t.match(late.body, 'Too late</textarea>', 'the text is not lost');

  await block(app.db, { blockerId: bob.id, blockedId: john.id }, 'block');
  await app.db.updateTable('users').set({ role: 'Administrator' }).where('id', '=', john.id).execute();
  t.equal((await byJohn.post(`/comment/${reply}/edit`, { body: 'By an Administrator' })).statusCode, 303);
  const events = await app.db.selectFrom('security_events').select(['kind', 'user_id', 'actor_id']).execute();
  t.match(events.at(-1), { kind: 'comment-edited', user_id: susan.id, actor_id: john.id });
});

t.test('an edit is refused if it was still allowed when the form was loaded', async (t) => {
  const { app, john, susan, postId } = await setUp();
  const [id = 0] = await writeComments(app, susan, postId);
  const text = await app.markdown.comment('Edited');
  const edit = (by: number) => {
    const actor = { id: by, role: 'User', isConfirmed: true, silencedUntil: null } as const;
    return updateComment(app, actor, { id, text, versions: undefined });
  };
  await t.rejects(edit(john.id), { code: 'forbidden' });
  await setCommentDisabled(app.db, id, true);
  await t.rejects(edit(susan.id), { code: 'edit-too-late' });
  await setCommentDisabled(app.db, id, false);
  await sql`update comments set created_at = now() - interval '16 minutes'`.execute(app.db);
  await t.rejects(edit(susan.id), { code: 'edit-too-late' });
});

t.test('concurrent edits and deletions leave nothing half done', async (t) => {
  const { app, susan, postId } = await setUp();
  const actor = { id: susan.id, role: 'User', isConfirmed: true, silencedUntil: null } as const;
  const edits = await Promise.all(['One', 'Two'].map((body) => app.markdown.comment(body)));
  for (let round = 0; round < 10; round += 1) {
    const id = (await writeComments(app, susan, postId)).at(-1) ?? 0;
    const answers = await Promise.allSettled([
      ...edits.map((text) => updateComment(app, actor, { id, text, versions: [1] })),
      ...(round % 2 === 0 ? [deleteComment(app.db, actor, id)] : []),
    ]);
    const codes = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason.code] : []));
    t.ok(
      codes.length >= 1 && codes.every((code) => code === 'edit-conflict' || code === 'not-found'),
      codes.join(),
    );
    const [left] = await app.db.selectFrom('comments').select('version').where('id', '=', id).execute();
    t.equal(left?.version, round % 2 === 0 ? undefined : 2);
  }
});
