import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import t from 'tap';
import { eraseAccount } from '../../src/domain/accounts/erase.ts';
import { requireAnotherAdministrator } from '../../src/domain/accounts/last-administrator.ts';
import { block } from '../../src/domain/blocks/block.ts';
import { bookmark } from '../../src/domain/bookmarks/bookmark.ts';
import { createDraft } from '../../src/domain/drafts/save.ts';
import { requestExport } from '../../src/domain/exports/requests.ts';
import { follow } from '../../src/domain/follows/follow.ts';
import { like } from '../../src/domain/likes/like.ts';
import { report } from '../../src/domain/moderation/report.ts';
import { NO_NOTIFICATIONS } from '../../src/domain/people/mail-choices.ts';
import { basic, issueTestToken } from '../support/api.ts';
import { buildSharedWithMail } from '../support/build.ts';
import { Client, errorsOf, messagesOf } from '../support/client.ts';
import { eventsOn } from '../support/events.ts';
import { createUser, PASSWORD, signedInClient } from '../support/factories.ts';
import { drain } from '../support/jobs.ts';
import { insertPasskey } from '../support/passkeys.ts';
import { referencesTo } from '../support/references.ts';
import { linkIn } from '../support/smtp.ts';
import { givePassword, giveTwoFactor } from '../support/two-factor.ts';
import { writeComments, writePosts } from '../support/writing.ts';

const emptied = await buildSharedWithMail(t);

const HASH = 'x'.repeat(43);
const signal = new AbortController().signal;

async function setUp() {
  const { app, smtp } = await emptied();
  const [john, susan] = [await createUser(app), await createUser(app, { username: 'susan' })];
  const client = await signedInClient(app, john);
  const logIn = () => new Client(app).post('/auth/login', { email: john.email, password: PASSWORD });
  return { app, smtp, john, susan, client, logIn };
}

/** Ends the days of grace. */
async function makeDue({ db }: FastifyInstance): Promise<void> {
  await sql`update users set deletion_due_at = now() where deletion_due_at is not null`.execute(db);
  await sql`update pgboss.job set start_after = now() where name = 'erasure'`.execute(db);
}

t.test('an account closes at once, and a mailed link opens it again', async (t) => {
  const { app, smtp, john, susan, client, logIn } = await setUp();
  const token = await issueTestToken(app, john, { name: 'a program', scope: 'write' });
  const elsewhere = await signedInClient(app, john);
  t.match((await client.get('/your-data')).body, 'href="/your-data/delete"');
  t.equal((await client.get('/your-data/delete')).statusCode, 200);
  t.equal((await client.post('/your-data/delete', { texts: 'x' })).statusCode, 422);
  const page = await client.follow(await client.post('/your-data/delete', { texts: 'delete' }));
  t.same(messagesOf(page), ['Your account is closed. We’ve sent john@example.com a link to keep it.']);
  for (const browser of [client, elsewhere]) t.match((await browser.get('/')).body, 'Hello, Stranger!');
  await signedInClient(app, susan); // Nobody else’s account closes.
  t.same(errorsOf(await logIn()), {
    password: 'This account will be deleted. To keep it, open the link in our email.',
  });
  for (const authorization of [`Bearer ${token}`, basic(john.email, PASSWORD)]) {
    const answer = await app.inject({ url: '/api/v1/posts/', headers: { authorization } });
    t.equal(answer.statusCode, 401);
  }

  await drain(app);
  const mail = smtp.mails.find(({ subject }) => subject === '[Pennypost] Your account will be deleted');
  t.match(mail, { to: { text: john.email } });
  t.match(mail?.text, 'will be deleted too');
  const link = linkIn(mail);
  t.equal((await client.get(link)).statusCode, 200);
  t.equal((await logIn()).statusCode, 422, 'a GET changes nothing');
  const kept = await client.follow(await client.post(link));
  t.same(messagesOf(kept), ['Your account will not be deleted. You can log in again.']);
  t.equal((await client.post(link)).statusCode, 404);
  t.same((await eventsOn(app, john)).slice(-3), [
    'deletion-requested by john',
    'logged-out by john',
    'deletion-undone by john',
  ]);
  t.equal((await logIn()).statusCode, 303);
  await makeDue(app);
  await sql`update users set deletion_due_at = now() where id = ${susan.id}`.execute(app.db);
  await drain(app);
  t.equal((await logIn()).statusCode, 303, 'the job does nothing');
});

t.test('once an account is due, its link cannot stop the job halfway', async (t) => {
  const { app, smtp, client, john } = await setUp();
  await client.post('/your-data/delete', { texts: 'delete' });
  await drain(app);
  const mail = smtp.mails.find(({ subject }) => subject === '[Pennypost] Your account will be deleted');
  await sql`update users set deletion_due_at = now() where id = ${john.id}`.execute(app.db);
  t.equal((await client.post(linkIn(mail))).statusCode, 404);
});

t.test('a week later, nothing of the account is left', async (t) => {
  const { app, john, susan, client } = await setUp();
  const [post = 0] = await writePosts(app, john);
  const [other = 0] = await writePosts(app, susan);
  await writeComments(app, susan, post, 3);
  await sql`
    insert into comments (post_id, author_id, body, body_html)
    select ${post}, ${susan.id}, 'Comment', 'Comment' from generate_series(1, 2500)
  `.execute(app.db);
  await sql`
    insert into posts (author_id, body, body_html) select ${john.id}, 'Post', 'Post' from generate_series(1, 150)
  `.execute(app.db);
  await writeComments(app, john, other, 3);
  await writeComments(app, susan, other);
  await follow(app, john.id, susan.id);
  await follow(app, susan.id, john.id);
  for (const mark of [
    { userId: john.id, postId: other },
    { userId: susan.id, postId: post },
  ]) {
    await like(app, mark);
    await bookmark(app.db, mark);
  }
  await createDraft(app.db, john.id, { title: '', body: 'Soon', tags: '' });
  await requestExport(app, john.id);
  await app.db
    .insertInto('subscriptions')
    .values([john, susan].map(({ email }) => ({ author_id: susan.id, email, confirmed_at: new Date() })))
    .execute();
  await giveTwoFactor(app, john);
  await insertPasskey(app, john);
  await givePassword(new Client(app), john);
  await client.post('/your-data/delete', { texts: 'delete' });
  await drain(app);
  t.equal((await new Client(app).get('/user/john')).statusCode, 200, 'not before');
  await makeDue(app);

  const impatient = new AbortController();
  const progress = () => impatient.abort(new Error('The worker stops.'));
  await t.rejects(eraseAccount(app.db, john.id, { signal: impatient.signal, progress }), /worker stops/);
  const { 'posts.author_id': posts, 'comments.author_id': comments } = await referencesTo(app, john);
  t.same([posts, comments], [0, 0], 'texts first, in batches');
  await drain(app);
  for (const [reference, count] of Object.entries(await referencesTo(app, john)))
    t.equal(count, 0, reference);
  t.equal((await new Client(app).get('/user/john')).statusCode, 404);
  const left = await app.db
    .selectFrom('users')
    .select(['post_count', 'comment_count', 'follower_count', 'followed_count'])
    .execute();
  t.same(left, [{ post_count: 1, comment_count: 1, follower_count: 0, followed_count: 0 }]);
  t.match(await app.db.selectFrom('subscriptions').select('email').execute(), [{ email: susan.email }]);
  t.match((await new Client(app).get(`/post/${other}`)).body, '1 comment');
  await eraseAccount(app.db, john.id, { signal });
});

t.test('texts can be kept, anonymously', async (t) => {
  const { app, john, susan, client } = await setUp();
  const [post = 0] = await writePosts(app, john);
  await writeComments(app, susan, post);
  await follow(app, susan.id, john.id);
  await block(app.db, { blockerId: john.id, blockedId: susan.id }, 'mute');
  await block(app.db, { blockerId: susan.id, blockedId: john.id }, 'mute');
  await report(app.db, { kind: 'person', id: john.id }, { reporterId: susan.id, reason: 'Spam' });
  await report(app.db, { kind: 'person', id: susan.id }, { reporterId: john.id, reason: 'Spam' });
  await giveTwoFactor(app, john);
  await insertPasskey(app, john);
  await createDraft(app.db, john.id, { title: '', body: 'Soon', tags: '' });
  await client.post('/edit-profile', { name: 'John Doe', location: 'Here', about_me: 'It is me' });
  await app.db
    .insertInto('pictures')
    .values({ user_id: john.id, hash: HASH, small: Buffer.alloc(1), large: Buffer.alloc(1) })
    .execute();
  const ofJohn = () =>
    app.db.selectFrom('users').selectAll().where('id', '=', john.id).executeTakeFirstOrThrow();
  await createUser(app, { username: 'boss', role: 'Administrator' });
  await app.db
    .updateTable('users')
    .set({ role: 'Administrator', picture_hash: HASH, pinned_post_id: post, wants_digest: true })
    .where('id', '=', john.id)
    .execute();
  const before = await ofJohn();
  await app.db.insertInto('picture_uploads').values({ user_id: john.id, fault: 'unreadable' }).execute();
  await client.post('/your-data/delete', { texts: 'keep' });
  await drain(app);
  await makeDue(app);
  await drain(app);

  const { 'posts.author_id': posts, ...others } = await referencesTo(app, john);
  t.equal(posts, 1);
  t.equal(
    Object.values(others).reduce((sum, count) => sum + count),
    0,
  );
  const { body } = await new Client(app).get(`/post/${post}`);
  t.match(body, `deleted.${john.id}`);
  t.match(body, 'Comment 1');
  const person = await ofJohn();
  t.notMatch(JSON.stringify(person), /john|here|it is me/i);
  const { avatar_seed: seed, unsubscribe_key: key, ...left } = person;
  t.not(seed, before.avatar_seed);
  t.not(key, before.unsubscribe_key);
  t.match(left, {
    password_hash: '',
    totp_secret: null,
    totp_since: null,
    totp_last_step: null,
    passkey_count: 0,
    role: 'User',
    deletion_due_at: null,
    picture_hash: null,
    pinned_post_id: null,
    wants_digest: false,
    ...NO_NOTIFICATIONS,
  });
  await createUser(app, { username: 'john' });
});

t.test('the last Administrator who can act cannot leave, and the password is asked for', async (t) => {
  const { app, john, client } = await setUp();
  await app.db.updateTable('users').set({ role: 'Administrator' }).where('id', '=', john.id).execute();
  t.match(errorsOf(await client.post('/your-data/delete', { texts: 'keep' })), {
    texts: 'only Administrator',
  });
  const second = await createUser(app, { username: 'second', role: 'Administrator' });
  for (const change of [
    'deletion_due_at = now()',
    "suspended_until = now() + interval '1 day'",
    "silenced_until = now() + interval '1 day'",
    'confirmed_at = null',
  ]) {
    await sql`update users set deletion_due_at = null, suspended_until = null, silenced_until = null
      where id = ${second.id}`.execute(app.db);
    await requireAnotherAdministrator(app.db, john.id);
    await sql`update users set ${sql.raw(change)} where id = ${second.id}`.execute(app.db);
    await t.rejects(requireAnotherAdministrator(app.db, john.id), { code: 'last-administrator' }, change);
  }
  await sql`update sessions set verified_at = now() - interval '11 minutes'`.execute(app.db);
  t.match((await client.post('/your-data/delete', { texts: 'keep' })).headers.location, '/auth/verify');
});
