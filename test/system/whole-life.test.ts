import { sql } from 'kysely';
import t from 'tap';
import { ApiProgram } from '../support/api.ts';
import { build } from '../support/build.ts';
import { Client, errorsOf } from '../support/client.ts';
import { createUser, PASSWORD, registration, signedInClient, siteSettings } from '../support/factories.ts';
import { drain } from '../support/jobs.ts';
import { referencesTo, tablesWith } from '../support/references.ts';
import { catchMail, linkIn } from '../support/smtp.ts';
import { codeOf, givePassword } from '../support/two-factor.ts';

// The life of one account. Each test begins where the one before has ended.

const SUSAN = { username: 'susan', email: 'susan@example.com' };

const smtp = await catchMail(t);
const app = await build(t, { SMTP_URL: smtp.url });
const boss = await signedInClient(app, await createUser(app, { username: 'boss', role: 'Administrator' }));
const moderator = await signedInClient(app, await createUser(app, { username: 'mod', role: 'Moderator' }));
const john = await signedInClient(app, await createUser(app));

const susan = new Client(app);
const elsewhere = new Client(app);
let program = new ApiProgram(app);
let id = 0;
let postPath = '';
let recoveryCodes: string[] = [];

/** Logs in with the password and the next recovery code. */
async function logIn(client: Client) {
  await givePassword(client, SUSAN);
  return client.post('/auth/login/code', { code: recoveryCodes.pop() ?? '' });
}

const isLoggedIn = async (client: Client) => (await client.get('/')).body.includes('Log out');

/** The last mail with this subject. */
async function mailAbout(subject: string) {
  await drain(app);
  return smtp.mails.findLast((mail) => mail.subject?.includes(subject));
}

t.test('Susan joins with an invitation and confirms her address', async (t) => {
  await boss.post('/admin/settings', siteSettings({ registration: 'invitation' }));
  const invited = (await boss.post('/admin/invitations', { uses: '1', days: '7' })).body;
  const [link = ''] = /\/auth\/register\/[\w-]{40,}/.exec(invited) ?? [];
  t.not((await susan.post('/auth/register', registration(SUSAN))).statusCode, 303);
  t.equal((await susan.post(link, registration(SUSAN))).statusCode, 303);
  const late = registration({ username: 'eve', email: 'eve@example.com' });
  t.not((await new Client(app).post(link, late)).statusCode, 303, 'the only seat is taken');
  await susan.post(linkIn(await mailAbout('Confirm')));
  t.ok(await isLoggedIn(susan));
  const found = app.db.selectFrom('users').select('id').where('username', '=', SUSAN.username);
  ({ id } = await found.executeTakeFirstOrThrow());
});

t.test('she turns on two-factor authentication, logs in elsewhere and creates an API token', async (t) => {
  await susan.post('/auth/verify', { password: PASSWORD });
  const [, secret = ''] =
    /name="secret" value="(\w+)"/.exec((await susan.get('/auth/two-factor/on')).body) ?? [];
  const fields = { secret, password: PASSWORD, code: codeOf(secret) };
  const { body } = await susan.post('/auth/two-factor/on', fields);
  recoveryCodes = body.match(/(?:[a-z2-7]{4}-){5}[a-z2-7]{4}/g) ?? [];
  t.equal(recoveryCodes.length, 10);
  await givePassword(elsewhere, SUSAN);
  t.notOk(await isLoggedIn(elsewhere), 'the password is not enough');
  t.equal((await logIn(elsewhere)).statusCode, 303);
  t.ok(await isLoggedIn(elsewhere));

  const made = await susan.post('/api-tokens', { name: 'My program', scope: 'write', lifetime: '30' });
  const [, token = ''] = /<pre[^>]*>([\w-]{43})<\/pre>/.exec(made.body) ?? [];
  program = new ApiProgram(app, `Bearer ${token}`);
  t.equal((await program.get('/posts/')).statusCode, 200);
});

t.test('she writes, John reports it, and a moderator suspends her: every tab and token ends', async (t) => {
  await susan.post('/', { body: 'Buy my pills' });
  const [, postId = ''] = /\/post\/(\d+)/.exec((await john.get('/')).body) ?? [];
  postPath = `/post/${postId}`;
  await susan.post(postPath, { body: 'Really, buy them' });
  await john.post(`/report${postPath}`, { reason: 'Spam' });
  for (const words of ['Buy my pills', 'Spam'])
    t.match((await moderator.get('/moderate/reports')).body, words);

  await moderator.post(`/moderate/people/${id}`, { kind: 'suspended', period: 'forever', reason: 'Spam' });
  t.notOk((await isLoggedIn(susan)) || (await isLoggedIn(elsewhere)));
  t.equal((await program.post('/posts/', { body: 'More' })).statusCode, 401);
  t.match(errorsOf(await givePassword(new Client(app), SUSAN)), {
    password: 'suspended',
  });
  t.match((await mailAbout('A decision about your account'))?.text, '> Spam');
});

t.test('an Administrator undoes the suspension, and she logs in again', async (t) => {
  const log = (await boss.get('/admin/activity?kind=moderation')).body;
  const [undo = ''] = /\/admin\/activity\/\d+\/undo/.exec(log) ?? [];
  t.equal((await boss.post(undo)).statusCode, 303);
  t.equal((await logIn(susan)).statusCode, 303);
  t.ok(await isLoggedIn(susan));
  t.equal((await program.get('/posts/')).statusCode, 401, 'the token is gone for good');
  t.match((await susan.get(postPath)).body, 'Buy my pills');
});

t.test('she deletes her account, and a week later nothing of it remains', async (t) => {
  t.equal((await susan.post('/your-data/delete', { texts: 'delete' })).statusCode, 303);
  t.notOk(await isLoggedIn(susan));
  await drain(app);
  await sql`update users set deletion_due_at = now() where id = ${id}`.execute(app.db);
  await sql`update pgboss.job set start_after = now() where name = 'erasure'`.execute(app.db);
  await drain(app);
  for (const [reference, count] of Object.entries(await referencesTo(app, { id })))
    t.equal(count, 0, reference);
  for (const word of [...Object.values(SUSAN), 'my pills', 'Spam'])
    t.same(await tablesWith(app, word), [], word);
  t.equal((await john.get(postPath)).statusCode, 404);
  t.equal((await john.get('/user/susan')).statusCode, 404);
  t.match(errorsOf(await givePassword(new Client(app), SUSAN)), {
    password: 'Invalid email or password.',
  });
});
