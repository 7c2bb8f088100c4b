import { sql } from 'kysely';
import t from 'tap';
import { ageOfForm, stampForm } from '../../src/domain/joining/form-stamp.ts';
import { invite, listInvitations, takeSeat } from '../../src/domain/joining/invite.ts';
import { prune } from '../../src/domain/prune.ts';
import { changeSettings } from '../../src/domain/site/settings.ts';
import { build } from '../support/build.ts';
import { Client, errorsOf, messagesOf, warningsOf } from '../support/client.ts';
import { eventsOn } from '../support/events.ts';
import {
  createUser,
  mailedToken,
  mintToken,
  PASSWORD,
  registration,
  signedInClient,
} from '../support/factories.ts';
import { drain } from '../support/jobs.ts';
import { waitForLock } from '../support/locks.ts';
import { catchMail } from '../support/smtp.ts';

/** Fields of a form for somebody new. */
function newcomer(username: string, changes: Record<string, string> = {}): Record<string, string> {
  return registration({ username, email: `${username}@example.com`, ...changes });
}

t.test('an applicant confirms the address, waits, reads, and writes once approved', async (t) => {
  const smtp = await catchMail(t);
  const app = await build(t, { SMTP_URL: smtp.url, ADMIN_EMAIL: 'operator@example.com' });
  const { db } = app;
  const client = await signedInClient(app, await createUser(app, { username: 'mod', role: 'Moderator' }));
  const early = new Client(app);
  t.match((await early.get('/')).body, 'href="/auth/register"');
  t.notMatch((await early.get('/auth/register')).body, 'name="reason"');
  await changeSettings(app, { registration: 'approval' });

  const asked = await early.post('/auth/register', newcomer('susan'));
  t.same(errorsOf(asked), { reason: 'Please say why you want to join.' }, 'a form from before the change');
  t.match(asked.body, '<textarea id="reason"');
  await app.site.refresh();
  t.match((await new Client(app).get('/auth/register')).body, 'name="reason"');
  t.match((await new Client(app).get('/')).body, 'href="/auth/register"', 'strangers are invited to apply');
  for (const username of ['susan', 'spammer', 'operator']) {
    const reason = `I am <b>${username}</b>`;
    t.equal((await new Client(app).post('/auth/register', newcomer(username, { reason }))).statusCode, 303);
  }
  t.match(
    (await client.get('/moderate/applications')).body,
    'No applications are waiting',
    'before they confirm',
  );

  const idOf = async (username: string) => {
    const found = db.selectFrom('users').select('id').where('username', '=', username);
    return (await found.executeTakeFirstOrThrow()).id;
  };
  const unproven = await client.post(`/moderate/applications/${await idOf('susan')}/approve`);
  t.equal(unproven.statusCode, 404, 'nobody proves the address for them');
  const confirm = async (username: string) => {
    const person = new Client(app);
    const token = await mintToken(app, await idOf(username), 'confirm-account');
    return { person, page: await person.follow(await person.post(`/auth/confirm/${token}`)) };
  };
  t.match(messagesOf((await confirm('operator')).page), ['You have confirmed your account. Thanks!']);
  const { person: spammer } = await confirm('spammer');
  const { person: susan, page } = await confirm('susan');
  t.match(page.body, '<h1>Waiting for approval</h1>');
  t.equal((await susan.get('/')).statusCode, 200);
  t.equal((await susan.post('/', { body: 'Hello' })).headers.location, '/auth/unconfirmed');
  t.equal((await new Client(app).get('/user/susan')).statusCode, 404);

  await sql`update users set last_seen_at = now() - interval '8 days'`.execute(db);
  await prune(db, { signal: new AbortController().signal });
  const queue = (await client.get('/moderate/applications')).body;
  t.match(queue, 'I am &lt;b&gt;susan&lt;/b&gt;', 'waiting longer than a week');
  t.match(queue, /I am[^<]*spammer[\s\S]*I am[^<]*susan/, 'in the order of confirmation');
  t.notMatch(queue, 'operator');
  await drain(app);
  smtp.mails.length = 0;

  const approve = `/moderate/applications/${await idOf('susan')}/approve`;
  const [first, second] = await Promise.all([client.post(approve), client.post(approve)]);
  t.same([first.statusCode, second.statusCode].sort(), [303, 404], 'decided once');
  const decide = (what: string, id: number) => client.post(`/moderate/applications/${id}/${what}`);
  await decide('decline', await idOf('spammer'));
  t.notMatch((await client.get('/moderate/applications')).body, 'spammer');
  t.equal((await decide('decline', await idOf('susan'))).statusCode, 404, 'she is already approved');
  t.equal((await decide('approve', await idOf('spammer'))).statusCode, 404, 'decided once');
  t.equal((await susan.post('/', { body: 'Hello' })).headers.location, '/');
  t.same(await db.selectFrom('applications').select('reason').execute(), [{ reason: 'I am <b>spammer</b>' }]);
  for (const [username, event] of [
    ['susan', 'application-approved by mod'],
    ['spammer', 'application-declined by mod'],
  ] as const)
    t.ok((await eventsOn(app, { id: await idOf(username) })).includes(event), event);
  t.match((await spammer.get('/auth/unconfirmed')).body, '<h1>Application declined</h1>');
  t.equal((await spammer.post('/', { body: 'Spam' })).headers.location, '/auth/unconfirmed');
  const again = await mintToken(app, await idOf('spammer'), 'confirm-account');
  await spammer.post(`/auth/confirm/${again}`);
  t.match((await spammer.get('/auth/unconfirmed')).body, '<h1>Application declined</h1>', 'for good');
  await drain(app);
  t.match(
    new Map(smtp.mails.map(({ to, subject }) => [[to].flat()[0]?.text, subject])),
    new Map([
      ['susan@example.com', '[Pennypost] Welcome: you can take part now'],
      ['spammer@example.com', '[Pennypost] Your application was declined'],
    ]),
  );
});

t.test('a change of address does not replace approval', async (t) => {
  const app = await build(t, { ADMIN_EMAIL: 'operator@example.com' });
  await changeSettings(app, { registration: 'approval' });
  const change = async (client: Client, email: string) => {
    await client.post('/auth/change-email', { email, password: PASSWORD });
    const { id: emailChangeId } = await app.db
      .selectFrom('email_changes')
      .select('id')
      .where('new_email', '=', email)
      .executeTakeFirstOrThrow();
    const token = await mailedToken(app, { template: 'change-email', emailChangeId });
    t.equal((await client.post(`/auth/change-email/${token}`)).statusCode, 303);
    return (await client.get('/auth/unconfirmed')).body;
  };
  const [susan, operator] = [new Client(app), new Client(app)];
  for (const client of [susan, operator]) {
    const username = client === susan ? 'susan' : 'boss';
    t.equal((await client.post('/auth/register', newcomer(username, { reason: 'Me' }))).statusCode, 303);
  }
  t.match(await change(susan, 'new@example.com'), '<h1>Waiting for approval</h1>');
  await sql`update applications set declined_at = now() where confirmed_at is not null`.execute(app.db);
  t.match(await change(susan, 'newer@example.com'), '<h1>Application declined</h1>');
  await susan.post('/auth/confirm');
  t.notMatch((await susan.get('/')).body, 'a new confirmation link', 'which would change nothing');
  await change(operator, 'operator@example.com');
  t.equal((await operator.get('/admin/jobs')).statusCode, 200, 'nobody approves the operator');
});

t.test('an applicant who changes the address confirms the new one first', async (t) => {
  const app = await build(t);
  await changeSettings(app, { registration: 'approval' });
  const client = new Client(app);
  await client.post('/auth/register', newcomer('susan', { reason: 'To write' }));
  await sql`update applications set confirmed_at = now()`.execute(app.db);
  await client.post('/auth/unconfirmed', { email: 'other@example.com' });
  t.match((await client.get('/auth/unconfirmed')).body, '<h1>Check your email</h1>');
  const mod = await signedInClient(app, await createUser(app, { role: 'Moderator' }));
  t.match((await mod.get('/moderate/applications')).body, 'No applications are waiting');
  await sql`update applications set confirmed_at = now()`.execute(app.db);
  await createUser(app, { username: 'rival', email: 'other@example.com' });
  const { user_id: id } = await app.db.selectFrom('applications').select('user_id').executeTakeFirstOrThrow();
  const approved = await mod.follow(await mod.post(`/moderate/applications/${id}/approve`));
  t.match(approved.body, 'Another account has confirmed this person’s email address.');
});

t.test('an invitation-only or closed site refuses everyone else, even in forms opened before', async (t) => {
  const app = await build(t);
  const admin = await createUser(app, { username: 'admin', role: 'Administrator' });
  const client = new Client(app);
  for (const [mode, message] of [
    ['invitation', 'You need an invitation to register.'],
    ['closed', 'Registration is closed.'],
  ] as const) {
    await changeSettings(app, { registration: mode });
    const refused = await client.post('/auth/register', newcomer('susan'));
    t.equal(refused.statusCode, 403, mode);
    t.match(refused.body, message);
    await app.site.refresh();
    t.notMatch((await client.get('/auth/register')).body, 'name="username"');
    t.notMatch((await client.get('/')).body, 'href="/auth/register"');
  }
  const token = await invite(app.db, admin.id, { maxUses: 1, days: 1 });
  t.equal((await client.post(`/auth/register/${token}`, newcomer('susan'))).statusCode, 403);
});

t.test('an Administrator invites with a link, sees who came, and revokes it', async (t) => {
  const app = await build(t, { RATE_LIMITS: 'off' });
  await changeSettings(app, { registration: 'invitation' });
  await app.site.refresh();
  const admin = await createUser(app, { username: 'admin', role: 'Administrator' });
  const client = await signedInClient(app, admin);
  const page = await client.post('/admin/invitations', { uses: '2', days: '7' });
  const [, path = ''] =
    /<code>http:\/\/localhost:3000(\/auth\/register\/[\w-]{43})<\/code>/.exec(page.body) ?? [];
  t.match((await new Client(app).get(path)).body, 'name="username"');
  t.equal((await new Client(app).post(path, newcomer('susan'))).statusCode, 303);
  const list = (await client.get('/admin/invitations')).body;
  t.match(list, '1&nbsp;of&nbsp;2');
  t.match(list, 'href="/user/susan">susan</a>');
  const [stored] = await app.db.selectFrom('invitations').selectAll().execute();
  t.notMatch(JSON.stringify(stored), path.split('/').at(-1));

  // Two at once for the last seat.
  const { rival } = await app.db.transaction().execute(async (trx) => {
    await takeSeat(trx, path.split('/').at(-1) ?? '', (await createUser(app, { username: 'john' })).id);
    const rival = new Client(app).post(path, newcomer('mary'));
    await waitForLock(app.db);
    return { rival };
  });
  t.equal((await rival).statusCode, 404);
  const { count } = await app.db
    .selectFrom('users')
    .select(({ fn }) => fn.countAll<string>().as('count'))
    .executeTakeFirstOrThrow();
  t.equal(Number(count), 3, 'those without a seat have no account');
  t.equal((await new Client(app).get(path)).statusCode, 404, 'used up');

  for (const [state, end] of [
    ['expired', sql`update invitations set expires_at = now() where max_uses = 1`],
    ['suspended', sql`update users set role = 'User' where id = ${admin.id}`],
    ['suspended', sql`update users set confirmed_at = null where id = ${admin.id}`],
    ['suspended', sql`update users set silenced_until = now() + interval '1 day' where id = ${admin.id}`],
    ['suspended', sql`update users set suspended_until = now() + interval '1 day' where id = ${admin.id}`],
    ['suspended', sql`update users set deletion_due_at = now() where id = ${admin.id}`],
  ] as const) {
    const token = await invite(app.db, admin.id, { maxUses: 1, days: 1 });
    t.equal((await new Client(app).get(`/auth/register/${token}`)).statusCode, 200, 'with its own seats');
    await end.execute(app.db);
    t.equal((await new Client(app).get(`/auth/register/${token}`)).statusCode, 404);
    t.equal((await new Client(app).post(`/auth/register/${token}`, newcomer('eve'))).statusCode, 404);
    t.equal((await listInvitations(app.db))[0]?.state, state);
    await sql`update users set role = 'Administrator', confirmed_at = now(), silenced_until = null,
      suspended_until = null, deletion_due_at = null where id = ${admin.id}`.execute(app.db);
  }
  const token = await invite(app.db, admin.id, { maxUses: 1, days: 1 });
  const [newest, ...others] = await listInvitations(app.db);
  const revoke = () => client.post(`/admin/invitations/${newest?.id}/revoke`);
  t.equal((await revoke()).statusCode, 303);
  t.equal((await revoke()).statusCode, 404, 'once');
  t.equal((await new Client(app).get(`/auth/register/${token}`)).statusCode, 404);
  const revoked = await listInvitations(app.db);
  t.same(revoked, [{ ...newest, state: 'revoked' }, ...others]);
  t.same(
    revoked.map(({ inviter, invited, state }) => [inviter, invited.join(), state].join(' ')),
    ['admin  revoked', ...Array(5).fill('admin  open'), 'admin  expired', 'admin susan,john used up'],
  );
  t.same(await eventsOn(app, admin), [
    'logged-in by admin',
    'invitation-made by admin',
    ...Array(7).fill('invitation-made by null'),
    'invitation-revoked by admin',
  ]);
  for (const uses of ['0', '101', 'x', ''])
    t.match(errorsOf(await client.post('/admin/invitations', { uses, days: '7' })), { uses: /./ });
});

t.test('an invitation replaces approval', async (t) => {
  const app = await build(t);
  await changeSettings(app, { registration: 'approval' });
  const admin = await createUser(app, { role: 'Administrator' });
  const token = await invite(app.db, admin.id, { maxUses: 1, days: 1 });
  await new Client(app).post(`/auth/register/${token}`, newcomer('susan'));
  t.same(await app.db.selectFrom('applications').selectAll().execute(), []);
});

t.test('a form filled in by a bot is refused, and a person can send it again', async (t) => {
  const app = await build(t);
  await changeSettings(app, { delay: '3' });
  await app.site.refresh();
  const { formKey } = app.site.settings;
  const client = new Client(app);
  const [, shown = ''] = /name="shown" value="(\S+)"/.exec((await client.get('/auth/register')).body) ?? [];
  const threeSecondsAgo = stampForm(formKey, Date.now() - 3_000);
  const refused = {
    'too fast': { shown },
    'no time': {},
    'a made-up time': { shown: threeSecondsAgo.replace(/.$/, (end) => (end === 'A' ? 'B' : 'A')) },
    'another site’s time': { shown: stampForm('other', Date.now() - 3_000) },
    'an old form': { shown: stampForm(formKey, Date.now() - 25 * 60 * 60 * 1000) },
    'the trap filled in': { shown: threeSecondsAgo, homepage: 'https://spam.example' },
  };
  for (const [how, fields] of Object.entries(refused)) {
    const page = await client.post('/auth/register', newcomer('susan', fields));
    t.equal(page.statusCode, 422, how);
    t.match(warningsOf(page), [/^It looks as if a bot has filled in this form/]);
    t.match(page.body, 'value="susan@example.com"');
    const [, next = ''] = /name="shown" value="(\S+)"/.exec(page.body) ?? [];
    t.ok((ageOfForm(formKey, next) ?? -1) >= 0);
    if ('homepage' in fields) {
      t.match(page.body, /<div class="field">\s*<label for="homepage">/, 'people see what to clear');
      t.notMatch(page.body, 'spam.example');
      t.equal(next, threeSecondsAgo, 'nobody waits twice');
    }
  }
  const accepted = await client.post('/auth/register', newcomer('susan', { shown: threeSecondsAgo }));
  t.equal(accepted.statusCode, 303);
  await changeSettings(app, { delay: '0' });
  await app.site.refresh();
  const ahead = { shown: stampForm(formKey, Date.now() + 5_000) };
  const unhurried = await client.post('/auth/register', newcomer('john', ahead));
  t.equal(unhurried.statusCode, 303, 'without a delay, any time, also of a process whose clock is ahead');
});
