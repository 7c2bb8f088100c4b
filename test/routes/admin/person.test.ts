import { sql } from 'kysely';
import t from 'tap';
import { requestDeletion } from '../../../src/domain/accounts/delete-account.ts';
import { endAccessManually } from '../../../src/domain/accounts/end-access.ts';
import { report } from '../../../src/domain/moderation/report.ts';
import { mailQueue } from '../../../src/queues.ts';
import { issueTestToken } from '../../support/api.ts';
import { build } from '../../support/build.ts';
import { errorsOf, messagesOf, warningsOf } from '../../support/client.ts';
import { eventsOn } from '../../support/events.ts';
import { createUser, signedInClient } from '../../support/factories.ts';
import { drain, jobsOf } from '../../support/jobs.ts';
import { catchMail, linkIn } from '../../support/smtp.ts';
import { writePosts } from '../../support/writing.ts';

const REASON = 'Too loud.\nMuch too loud.';

let refuses = false;
const refuse = (does: boolean) => {
  refuses = does;
};
const smtp = await catchMail(t, {
  refuseRecipient: () => (refuses ? 550 : undefined),
  refusal: '5.1.1 no <such> user',
});
const app = await build(t, { SMTP_URL: smtp.url, RATE_LIMITS: 'off' });
const boss = await createUser(app, { username: 'boss', role: 'Administrator' });
const client = await signedInClient(app, boss);

/** Leaves only the Administrator, and a new account. */
async function setUp() {
  await sql`delete from pgboss.job`.execute(app.db);
  await app.db.deleteFrom('users').where('id', '<>', boss.id).execute();
  smtp.mails.length = 0;
  refuse(false);
  await client.get('/'); // Takes earlier messages.
  const john = await createUser(app, { username: 'john', isConfirmed: false });
  const url = `/admin/people/${john.id}`;
  const act = async (action: string) => client.follow(await client.post(url, { action }));
  const remove = (fields: object) =>
    client.post(`${url}/delete`, { when: 'later', texts: 'delete', reason: REASON, ...fields });
  return { john, url, act, remove };
}

t.test('the page shows everything known about an account', async (t) => {
  const { john, url, act } = await setUp();
  await sql`update users set name = '<b>John', email_bounced_at = now(), silenced_until = '9999-12-31' where id = ${john.id}`.execute(
    app.db,
  );
  await signedInClient(app, john);
  for (const person of [john, boss]) await issueTestToken(app, person, { name: 'a program', scope: 'write' });
  const [postId = 0] = await writePosts(app, john);
  await report(app.db, { kind: 'post', id: postId }, { reporterId: boss.id, reason: 'Spam & more' });
  await report(app.db, { kind: 'person', id: boss.id }, { reporterId: john.id, reason: 'Mean' });
  await act('send-confirmation');
  await drain(app);
  refuse(true);
  await act('send-confirmation');
  await drain(app);

  const { body } = await client.get(url);
  for (const shown of [
    '&lt;b&gt;John',
    'john@example.com <span class="badge failed">bounced</span>',
    'Not confirmed',
    'Silenced permanently',
    '1 API token.',
    'From 127.0.0.1.',
    'Spam &amp; more',
    `href="/post/${postId}"`,
    'Confirmation link sent again',
  ]) {
    t.match(body, shown);
  }
  const mails = (await client.get(`${url}/mails`)).body;
  t.match(mails, '<td>250 ');
  t.match(mails, '<span class="badge failed">refused</span> 550 5.1.1 no &lt;such&gt; user');
  t.equal([...mails.matchAll(/<td>Confirm your account<\/td>/g)].length, 2);
  t.notMatch(body, 'Mean', 'a report about somebody else');
  t.notMatch(body, 'Logged in<', 'log-ins are listed elsewhere');
  for (const path of ['/user/john', `/moderate/people/${john.id}`, `/edit-profile/${john.id}`])
    t.match((await client.get(path)).body, `href="${url}"`, path);
  t.equal((await client.get('/admin/people/999')).statusCode, 404);
});

t.test('a mail that was refused is sent when its job is retried', async (t) => {
  const { url, act } = await setUp();
  refuse(true);
  await act('send-confirmation');
  await drain(app);
  refuse(false);
  await sql`update pgboss.job set state = 'retry', start_after = now(), retry_limit = 5 where name = 'mail'`.execute(
    app.db,
  );
  await drain(app);
  t.equal(smtp.mails.length, 1);
  t.notMatch((await client.get(`${url}/mails`)).body, 'refused</span>');
});

t.test('Administrators confirm accounts, by another link or without one', async (t) => {
  const { john, url, act } = await setUp();
  t.same(messagesOf(await act('send-confirmation')), [
    'We’ve sent a new confirmation link to john@example.com.',
  ]);
  await drain(app);
  t.match(linkIn(smtp.mails[0]), '/auth/confirm/');
  const other = await createUser(app, { username: 'other', email: 'JOHN@example.com' });
  t.same(warningsOf(await act('confirm')), ['Another account has confirmed this address.']);
  await app.db.deleteFrom('users').where('id', '=', other.id).execute();
  const page = await act('confirm');
  t.same(messagesOf(page), ['john is confirmed.']);
  t.match(page.body, 'In good standing');
  t.notMatch(page.body, 'without a link');
  t.same(messagesOf(await act('send-confirmation')), ['john is confirmed.']);
  t.equal((await (await signedInClient(app, john)).post('/', { body: 'Hello' })).statusCode, 303);
  t.equal((await client.post(url, { action: 'crown' })).statusCode, 404);
  t.same((await eventsOn(app, john)).slice(0, 2), ['confirmation-sent by boss', 'confirmed by boss']);
});

t.test('logging someone out everywhere ends sessions and tokens, but not the Administrator’s', async (t) => {
  const { john, act } = await setUp();
  const tab = await signedInClient(app, john);
  const token = await issueTestToken(app, john, { name: 'a program', scope: 'read' });
  const { body } = await client.get(`/admin/people/${john.id}`);
  t.match(body, 'Log out everywhere and revoke API tokens');
  t.match(body, '1 API token.');
  t.match(messagesOf(await act('end-access')), [/^john is logged out everywhere/]);
  t.match((await tab.get('/')).body, 'Hello, Stranger!');
  const api = await app.inject({ url: '/api/v1/posts/', headers: { authorization: `Bearer ${token}` } });
  t.equal(api.statusCode, 401);
  const another = await signedInClient(app, boss);
  await client.post(`/admin/people/${boss.id}`, { action: 'end-access' });
  t.match((await another.get('/')).body, 'Hello, Stranger!');
  t.match((await client.get('/auth/activity')).body, 'Logged out everywhere, API tokens revoked');
  await t.rejects(endAccessManually(app.db, 9_999), { code: 'not-found' });
});

t.test(
  'an account is deleted after a week, in which its owner or an Administrator can keep it',
  async (t) => {
    const { john, url, act, remove } = await setUp();
    t.match((await client.get(url)).body, `href="${url}/delete"`);
    t.match((await client.get(`${url}/delete`)).body, 'Delete john');
    t.same(errorsOf(await remove({ reason: ' ' })), { reason: 'This field is required.' });
    const page = await client.follow(await remove({ reason: `${REASON}${'"'.repeat(400)}` }));
    t.same(messagesOf(page), ['The account is closed. We’re emailing them the reason.']);
    t.match(page.body, 'Deletion requested: Too loud.');
    await t.rejects(signedInClient(app, john));
    const other = await createUser(app, { username: 'other' });
    await client.post(`/admin/people/${other.id}/delete`, { when: 'later', texts: 'keep', reason: 'Spam' });
    await sql`update users set deletion_due_at = '2090-01-01Z' where id = ${other.id}`.execute(app.db);
    await drain(app);
    const mail = smtp.mails.find(({ to }) => [to].flat()[0]?.text === john.email);
    t.match(mail?.text, /as decided by an\nAdministrator\.[\s\S]*> Too loud\.\n> Much too loud\./);
    t.match(mail?.html, '<blockquote>Too loud.');
    t.match(mail?.text, /will be deleted on 20[2-8]\d-\d\d-\d\d, /);

    await sql`update users set deletion_due_at = now() + interval '1 day' where id = ${john.id}`.execute(
      app.db,
    );
    await remove({});
    const { rows } = await sql`select from users where deletion_due_at < now() + interval '2 days'`.execute(
      app.db,
    );
    t.equal(rows.length, 1, 'asking again does not delay it');
    t.equal(messagesOf(await act('keep')).at(-1), 'The account of john will not be deleted.');
    t.equal((await eventsOn(app, john)).at(-1), 'deletion-undone by boss');
    await signedInClient(app, john);
    await t.rejects(signedInClient(app, other), 'who stays closed');
    t.equal((await client.post(url, { action: 'keep' })).statusCode, 404);
    await remove({ reason: 'Still too loud' });
    await drain(app);
    t.match(smtp.mails.at(-1)?.text, '> Still too loud');
    await client.post(linkIn(smtp.mails.at(-1)));
    await signedInClient(app, john);
    await remove({});
    await act('keep');
    const count = smtp.mails.length;
    await drain(app);
    t.equal(smtp.mails.length, count, 'nothing is mailed about a deletion that was undone');
    t.same(await jobsOf(app, mailQueue), []);
  },
);

t.test('an account can be deleted at once, and the log keeps the reason', async (t) => {
  const { john, remove } = await setUp();
  await writePosts(app, john);
  const page = await client.follow(await remove({ when: 'now' }));
  t.same(messagesOf(page), ['The account is closed and will be deleted in a moment.']);
  await drain(app);
  t.same(await app.db.selectFrom('users').select('username').execute(), [{ username: 'boss' }]);
  t.same(await app.db.selectFrom('posts').select('id').execute(), []);
  t.equal(smtp.mails.length, 0);
  t.match((await client.get('/admin/activity')).body, 'Account deleted: “john”: Too loud.');
});

t.test('texts that the owner has asked to delete are not kept', async (t) => {
  const { john, remove } = await setUp();
  await writePosts(app, john);
  await requestDeletion(app, john.id, { keepsTexts: false });
  await remove({ when: 'now', texts: 'keep' });
  await drain(app);
  t.same(await app.db.selectFrom('posts').select('id').execute(), []);
});

t.test('nobody deletes themselves or another Administrator, and the password is asked for', async (t) => {
  const { john, url } = await setUp();
  const second = await createUser(app, { username: 'second', role: 'Administrator' });
  const fields = { when: 'now', texts: 'delete', reason: 'Spam' };
  for (const { id } of [boss, second]) {
    t.equal((await client.post(`/admin/people/${id}/delete`, fields)).statusCode, 403);
    t.notMatch((await client.get(`/admin/people/${id}/delete`)).body, '<textarea');
    t.notMatch((await client.get(`/admin/people/${id}`)).body, 'Delete the account');
  }
  await sql`update sessions set verified_at = now() - interval '11 minutes'`.execute(app.db);
  for (const path of [url, `${url}/delete`]) {
    const response = await client.post(path, { ...fields, action: 'confirm' });
    t.equal(response.headers.location, `/auth/verify?next=${encodeURIComponent(path)}`);
    t.equal((await client.get(path)).statusCode, 303);
  }
  const unchanged = await app.db
    .selectFrom('users')
    .select(['confirmed_at', 'deletion_due_at'])
    .where('id', '=', john.id)
    .execute();
  t.same(unchanged, [{ confirmed_at: null, deletion_due_at: null }]);
});
