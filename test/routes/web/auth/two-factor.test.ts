import { sql } from 'kysely';
import t from 'tap';
import { resetTwoFactorManually } from '../../../../scripts/support/accounts.ts';
import { issueToken } from '../../../../src/domain/api-tokens/issue.ts';
import { MAX_FAILURES_PER_HOUR, recordWrongPassword } from '../../../../src/domain/security-events/record.ts';
import { startPendingLogIn } from '../../../../src/domain/sessions/pending-log-in.ts';
import { startSession } from '../../../../src/domain/sessions/start.ts';
import { turnOnTwoFactor } from '../../../../src/domain/two-factor/turn-on.ts';
import { useLogInCode } from '../../../../src/domain/two-factor/use-code.ts';
import { StartupError } from '../../../../src/errors.ts';
import { ApiProgram, basic, issueTestToken } from '../../../support/api.ts';
import { build } from '../../../support/build.ts';
import { Client, errorsOf, messagesOf, warningsOf } from '../../../support/client.ts';
import {
  createUser,
  mailedToken,
  mintToken,
  PASSWORD,
  signedInClient,
  type TestUser,
} from '../../../support/factories.ts';
import { drain } from '../../../support/jobs.ts';
import { WIDE, withLimits } from '../../../support/limits.ts';
import { insertPasskey } from '../../../support/passkeys.ts';
import { catchMail } from '../../../support/smtp.ts';
import { codeOf, givePassword, giveTwoFactor, TOTP_SECRET } from '../../../support/two-factor.ts';
import { unzip } from '../../../support/unzip.ts';

const WRONG_CODE = 'This code is wrong or was already used.';
const CODE_PAGE = '/auth/login/code?next=%2F';

const smtp = await catchMail(t);
const app = await build(t, { SMTP_URL: smtp.url });
let people = 0;

/** A new person, with two-factor authentication or without. */
async function createPerson({ hasTwoFactor }: { hasTwoFactor: boolean }): Promise<TestUser> {
  people += 1;
  const person = await createUser(app, { username: `john${people}` });
  if (hasTwoFactor) await giveTwoFactor(app, person);
  return person;
}

/** Sends what is to be sent. Returns the subjects of a person's mails. */
async function mailsTo({ email }: TestUser): Promise<(string | undefined)[]> {
  await drain(app);
  return smtp.mails.filter(({ to }) => [to].flat()[0]?.text === email).map(({ subject }) => subject);
}

function codesOf({ id }: TestUser) {
  return app.db.selectFrom('recovery_codes').selectAll().where('user_id', '=', id).execute();
}

function account({ id }: TestUser) {
  return app.db.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
}

const isSignedIn = async (client: Client) => (await client.get('/auth/security')).statusCode === 200;

/** Turns two-factor authentication on through the pages. Returns the recovery codes. */
async function turnOn(client: Client): Promise<string[]> {
  const [, secret = ''] =
    /name="secret" value="(\w+)"/.exec((await client.get('/auth/two-factor/on')).body) ?? [];
  const fields = { secret, password: PASSWORD, code: codeOf(secret) };
  return recoveryCodesIn((await client.post('/auth/two-factor/on', fields)).body);
}

function recoveryCodesIn(body: string): string[] {
  return body.match(/(?:[a-z2-7]{4}-){5}[a-z2-7]{4}/g) ?? [];
}

t.test('turning it on takes the password and a code from the app, and ends all other access', async (t) => {
  await createPerson({ hasTwoFactor: false }); // Somebody else.
  const john = await createPerson({ hasTwoFactor: false });
  const [client, elsewhere] = [await signedInClient(app, john), await signedInClient(app, john)];
  const program = await ApiProgram.of(app, john);
  const { body } = await client.get('/auth/two-factor/on');
  const [, secret = ''] = /name="secret" value="(\w+)"/.exec(body) ?? [];
  t.match(body, `<code>${secret.replaceAll(/.{4}(?=.)/g, '$& ')}</code>`);
  const [svg = ''] = /<svg.*<\/svg>/s.exec(body) ?? [];
  t.match(svg, '<path');
  t.notMatch(svg, /style|<script| on\w+=/, 'the policy allows it');

  const send = (changes: Record<string, string>) =>
    client.post('/auth/two-factor/on', { secret, password: PASSWORD, code: codeOf(secret), ...changes });
  const mistyped = await send({ code: codeOf(TOTP_SECRET) });
  t.same(errorsOf(mistyped), { code: WRONG_CODE });
  t.match(mistyped.body, `value="${secret}"`, 'the app need not be set up again');
  t.same(errorsOf(await send({ password: 'wrong' })), { password: 'Invalid password.' });
  const forged = await send({ secret: 'A' });
  t.equal(forged.statusCode, 422);
  t.notMatch(forged.body, 'value="A"');
  t.equal(await isSignedIn(elsewhere), true);
  const setUp = { secret, code: codeOf(secret), session: undefined };
  const before = { id: john.id, passwordHash: `${john.passwordHash} of before` };
  t.equal(await turnOnTwoFactor(app, before, setUp), undefined, 'the password has just changed');

  const done = await send({ code: codeOf(secret).replace(/^.../, '$& ') });
  t.equal(new Set(recoveryCodesIn(done.body)).size, 10);
  t.equal(done.headers['cache-control'], 'no-store');
  t.same([await isSignedIn(client), await isSignedIn(elsewhere)], [true, false]);
  t.equal((await program.get('/posts/')).statusCode, 401);
  t.match((await client.get('/auth/security')).body, 'You have 10 recovery codes left.');
  t.match((await client.get('/auth/activity')).body, 'Two-factor authentication turned on');
  t.type((await account(john)).totp_last_step, 'number', 'the code cannot be used again');
  for (const attempt of [await client.get('/auth/two-factor/on'), await send({})])
    t.equal(attempt.headers.location, '/auth/security', 'only once');
  t.ok((await mailsTo(john)).includes('[Pennypost] Two-factor authentication was turned on'));
});

t.test('logging in takes two steps, and the first gives no access', async (t) => {
  const susan = await createPerson({ hasTwoFactor: false });
  const john = await createPerson({ hasTwoFactor: true });
  const client = new Client(app);
  const fields = { email: john.email, password: PASSWORD, remember_me: 'y' };
  const first = await client.post('/auth/login?next=%2Fauth%2Fsecurity', fields);
  t.equal(first.headers.location, '/auth/login/code?next=%2Fauth%2Fsecurity');
  const page = await client.follow(first);
  t.match(page.body, '<h1>Enter your code</h1>');
  for (const path of [
    '/auth/security',
    '/auth/change-password',
    '/auth/verify',
    '/your-data',
    '/edit-profile',
  ])
    t.match((await client.get(path)).headers.location, /^\/auth\/login\?next=/, path);
  t.equal((await client.post('/', { body: 'Hello' })).headers.location, '/auth/login?next=%2F');
  await t.rejects(startSession(app.db, { userId: john.id, isRemembered: false }), { code: 'unauthorized' });

  const stranger = new Client(app);
  for (const other of [stranger, await signedInClient(app, susan)]) {
    t.equal((await other.get(CODE_PAGE)).headers.location, '/auth/login?next=%2F');
    t.equal((await other.post(CODE_PAGE, { code: codeOf() })).headers.location, '/auth/login?next=%2F');
  }
  t.same(warningsOf(await stranger.follow(await stranger.get(CODE_PAGE))), ['Please log in first.']);

  const url = String(first.headers.location);
  t.same(errorsOf(await client.post(url, { code: '' })), { code: 'This field is required.' });
  for (const code of ['000000', codeOf(TOTP_SECRET, { ago: 120_000 }), 'abcd-efgh'])
    t.same(errorsOf(await client.post(url, { code })), { code: WRONG_CODE }, code);
  t.equal((await client.post('/auth/change-email/x')).statusCode, 404, 'which gives the session a new token');
  const done = await client.post(url, { code: codeOf() });
  t.equal(done.headers.location, '/auth/security');
  t.match(
    done.cookies.find(({ name }) => name === 'session'),
    { maxAge: 30 * 24 * 60 * 60 },
    'remembered',
  );
  t.equal(await isSignedIn(client), true);
  t.equal((await client.get('/api-tokens')).statusCode, 200, 'the password was given just now');
  t.match((await client.get('/auth/activity')).body, /Logged in(?:.|\n)*Log-in failed: wrong code/);
});

t.test('a code works once, even for two simultaneous requests', async (t) => {
  const [john, susan] = [
    await createPerson({ hasTwoFactor: true }),
    await createPerson({ hasTwoFactor: true }),
  ];
  const clients = [new Client(app), new Client(app)];
  for (const client of clients) await givePassword(client, john);
  const [older, code] = [codeOf(TOTP_SECRET, { ago: 30_000 }), codeOf()];
  const answers = await Promise.all(clients.map((client) => client.post(CODE_PAGE, { code })));
  t.same(answers.map(({ statusCode }) => statusCode).sort(), [303, 422]);
  const later = new Client(app);
  await givePassword(later, john);
  for (const used of [code, older])
    t.equal((await later.post(CODE_PAGE, { code: used })).statusCode, 422, 'neither again nor an older one');
  const hers = new Client(app);
  await givePassword(hers, susan);
  t.equal((await hers.post(CODE_PAGE, { code })).statusCode, 303, 'another account with the same secret');
  const events = app.db.selectFrom('security_events').select('kind').where('user_id', '=', susan.id);
  t.same(await events.where('kind', '=', 'log-in-failed').execute(), [], 'a right code is no failure');
});

t.test('a log-in that awaits its code ends after ten minutes, and with a new password', async (t) => {
  const john = await createPerson({ hasTwoFactor: true });
  const ways = {
    'ten minutes': () =>
      sql`update pending_log_ins set expires_at = expires_at - interval '10 minutes'`.execute(app.db),
    'a new password': async () => {
      const token = await mintToken(app, john.id, 'reset-password');
      const reset = { password: 'entirely another phrase', password2: 'entirely another phrase' };
      t.equal((await new Client(app).post(`/auth/reset/${token}`, reset)).headers.location, '/auth/login');
    },
  };
  for (const [way, end] of Object.entries(ways)) {
    const client = new Client(app);
    await givePassword(client, john);
    t.equal((await client.get(CODE_PAGE)).statusCode, 200);
    await end();
    const late = await client.post(CODE_PAGE, { code: codeOf() });
    t.equal(late.headers.location, '/auth/login?next=%2F', way);
    t.equal(await isSignedIn(client), false, way);
  }
});

t.test('a log-in ends if the password changes while it is verified, or the account is closed', async (t) => {
  const { db } = app;
  const protectedOne = await createPerson({ hasTwoFactor: true });
  const other = await createPerson({ hasTwoFactor: false });
  const refused = { code: 'unauthorized' };
  for (const [{ id }, start] of [
    [
      protectedOne,
      (hash: string) =>
        startPendingLogIn(db, { id: protectedOne.id, passwordHash: hash, isRemembered: false }),
    ],
    [
      other,
      (hash: string) => startSession(db, { userId: other.id, passwordHash: hash, isRemembered: false }),
    ],
  ] as const) {
    const account = db.selectFrom('users').select('password_hash').where('id', '=', id);
    const { password_hash: hash } = await account.executeTakeFirstOrThrow();
    t.type(await start(hash), 'string');
    await t.rejects(start(`${hash} of before`), refused);
    const close = db.updateTable('users').where('id', '=', id);
    await close.set({ suspended_until: sql`now() + interval '1 day'` }).execute();
    await t.rejects(start(hash), refused, 'suspended');
    await close.set({ suspended_until: null, deletion_due_at: sql`now()` }).execute();
    await t.rejects(start(hash), refused, 'about to be deleted');
  }
});

t.test('neither mailed links nor the API let the password or the mailbox replace the code', async (t) => {
  const john = await createPerson({ hasTwoFactor: true });
  const token = await issueTestToken(app, john, { name: 'program', scope: 'read' });
  t.equal((await new ApiProgram(app, `Bearer ${token}`).get('/posts/')).statusCode, 200);
  const program = new ApiProgram(app, basic(john.email, PASSWORD));
  for (const answer of [await program.get('/posts/'), await program.post('/tokens/')]) {
    t.equal(answer.statusCode, 403);
    t.match(answer.json().message, 'Create an API token on the site');
  }
  for (const access of [
    () => issueToken(app.db, john),
    () => startSession(app.db, { userId: john.id, isRemembered: false }),
  ]) {
    await t.rejects(access, { code: 'unauthorized' }, 'not even if it was turned on just now');
  }

  await app.db.updateTable('users').set({ confirmed_at: null }).where('id', '=', john.id).execute();
  const confirming = new Client(app);
  const link = await mintToken(app, john.id, 'confirm-account');
  const confirmed = await confirming.follow(await confirming.post(`/auth/confirm/${link}`));
  t.same(messagesOf(confirmed), ['You have confirmed your account. Thanks!']);
  t.equal(await isSignedIn(confirming), false);

  const reader = new Client(app);
  const reset = await mintToken(app, john.id, 'reset-password');
  await reader.post(`/auth/reset/${reset}`, { password: PASSWORD, password2: PASSWORD });
  t.equal(reader.cookies.has('browser'), false, 'no attempts of its own');
  t.equal((await givePassword(reader, john)).headers.location, CODE_PAGE);
});

t.test('a recovery code works once, and can create new ones or turn it off', async (t) => {
  const john = await createPerson({ hasTwoFactor: false });
  const client = await signedInClient(app, john);
  const [first = '', second = '', third = '', fourth = ''] = await turnOn(client);
  const stored = await codesOf(john);
  t.notMatch(
    stored.map(({ code_hash }) => code_hash.toString()).join(),
    first.replaceAll('-', '').toUpperCase(),
  );

  const logIn = async (code: string) => {
    const other = new Client(app);
    await givePassword(other, john);
    return (await other.post(CODE_PAGE, { code })).statusCode;
  };
  t.same([await logIn(first.toUpperCase().replaceAll('-', ' ')), await logIn(first)], [303, 422]);
  const susan = await createPerson({ hasTwoFactor: false });
  const [hers = ''] = await turnOn(await signedInClient(app, susan));
  t.equal(await logIn(hers), 422, 'another account’s');
  t.match((await client.get('/auth/security')).body, 'You have 9 recovery codes left.');
  t.match((await client.get('/auth/activity')).body, 'Recovery code used');

  const renew = (fields: Record<string, string>) => client.post('/auth/two-factor/recovery-codes', fields);
  t.same(errorsOf(await renew({ password: 'wrong', code: second })), { password: 'Invalid password.' });
  t.same(errorsOf(await renew({ password: PASSWORD, code: first })), { code: WRONG_CODE });
  t.same(Object.keys(errorsOf(await renew({}))), ['password', 'code']);
  const fresh = recoveryCodesIn((await renew({ password: PASSWORD, code: second })).body);
  t.equal(fresh.length, 10);
  t.equal(await logIn(third), 422, 'the old ones are void');
  t.match((await client.get('/auth/activity')).body, 'New recovery codes created');

  const off = (fields: Record<string, string>) => client.post('/auth/two-factor/off', fields);
  t.same(errorsOf(await off({ password: 'wrong', code: fresh[0] ?? '' })), { password: 'Invalid password.' });
  t.same(errorsOf(await off({ password: PASSWORD, code: fourth })), { code: WRONG_CODE });
  const page = await client.follow(await off({ password: PASSWORD, code: fresh[0] ?? '' }));
  t.same(messagesOf(page), ['Two-factor authentication is off.']);
  t.match(page.body, 'href="/auth/two-factor/on"');
  t.match((await client.get('/auth/activity')).body, 'Two-factor authentication turned off');
  for (const path of ['off', 'recovery-codes'])
    t.equal((await client.get(`/auth/two-factor/${path}`)).headers.location, '/auth/security');
  t.same(await codesOf(john), []);
  t.equal((await codesOf(susan)).length, 10, 'another account keeps its own');
  t.equal((await givePassword(new Client(app), john)).headers.location, '/');
  t.ok((await mailsTo(john)).includes('[Pennypost] Two-factor authentication was turned off'));
});

t.test(
  'wrong codes do not fill the log, and neither wrong passwords nor another account hide them',
  async (t) => {
    const john = await createPerson({ hasTwoFactor: true });
    const record = async (times: number, fail: () => Promise<unknown>) => {
      for (let time = 0; time < times; time += 1) await fail();
    };
    const susan = await createPerson({ hasTwoFactor: false });
    await record(MAX_FAILURES_PER_HOUR, () => recordWrongPassword(app.db, susan.email));
    await record(MAX_FAILURES_PER_HOUR + 1, () => recordWrongPassword(app.db, john.email));
    await record(MAX_FAILURES_PER_HOUR + 1, () => useLogInCode(app.db, john.id, 'wrong'));
    const events = await app.db
      .selectFrom('security_events')
      .where('user_id', '=', john.id)
      .selectAll()
      .execute();
    t.equal(events.filter(({ detail }) => detail.reason === 'wrong code').length, MAX_FAILURES_PER_HOUR);
    t.equal(events.length, 2 * MAX_FAILURES_PER_HOUR);
  },
);

t.test('after two simultaneous replacements there are ten recovery codes', async (t) => {
  const john = await createPerson({ hasTwoFactor: false });
  const client = await signedInClient(app, john);
  const codes = await turnOn(client);
  const answers = await Promise.all(
    codes
      .slice(0, 4)
      .map((code) => client.post('/auth/two-factor/recovery-codes', { password: PASSWORD, code })),
  );
  t.same(answers.map(({ statusCode }) => statusCode).sort(), [200, 422, 422, 422]);
  t.equal((await codesOf(john)).length, 10);
});

t.test('guessing codes is limited, and does not lock the owner out', async (t) => {
  const few = { points: 2, seconds: 60 };
  const { config } = withLimits({ code: { account: few, address: WIDE } });
  const app = await build(t, {}, { config: { ...config, codeFromAnywhere: { points: 5, seconds: 60 } } });
  const john = await createUser(app);
  const known = await signedInClient(app, john);
  const [recoveryCode = ''] = await turnOn(known);
  await known.post('/auth/logout');
  const guess = async (client: Client, code = '000000') => {
    await givePassword(client, john);
    return (await client.post(CODE_PAGE, { code })).statusCode;
  };
  const at = (remoteAddress: string) => new Client(app, { remoteAddress });
  const thief = at('192.0.2.1');
  t.same([await guess(thief), await guess(thief), await guess(thief)], [422, 422, 429]);
  t.same(
    [await guess(at('192.0.2.2')), await guess(at('192.0.2.3')), await guess(at('192.0.2.4'))],
    [422, 422, 422],
  );
  await giveTwoFactor(app, john);
  t.equal(await guess(at('192.0.2.5'), codeOf()), 429, 'all other browsers together');
  t.equal(await guess(at('192.0.2.6'), recoveryCode), 303);
  t.equal(await guess(known, codeOf()), 303);
});

t.test('undoing a change of address turns off what was turned on since', async (t) => {
  const john = await createPerson({ hasTwoFactor: false });
  for (const isOlder of [true, false]) {
    await giveTwoFactor(app, john);
    await insertPasskey(app, john);
    const { id: emailChangeId } = await app.db
      .insertInto('email_changes')
      .values({
        user_id: john.id,
        new_email: 'a@example.com',
        old_email: john.email,
        completed_at: new Date(),
      })
      .returning('id')
      .executeTakeFirstOrThrow();
    const age = sql`make_interval(hours => ${isOlder ? 1 : -1})`;
    await sql`update users set totp_since = now() - ${age} where id = ${john.id}`.execute(app.db);
    await sql`update passkeys set created_at = now() - ${age} where user_id = ${john.id}`.execute(app.db);
    const token = await mailedToken(app, { template: 'email-changed', emailChangeId });
    t.equal((await new Client(app).post(`/auth/undo-email-change/${token}`)).statusCode, 303);
    const { totp_secret: secret, passkey_count: passkeys } = await account(john);
    t.same([secret !== null, passkeys], isOlder ? [true, 1] : [false, 0]);
  }
});

t.test('an operator resets it for someone who has lost everything, after a question', async (t) => {
  const susan = await createPerson({ hasTwoFactor: true });
  await insertPasskey(app, susan);
  const john = await createPerson({ hasTwoFactor: false });
  await turnOn(await signedInClient(app, john));
  const questions: string[] = [];
  const reset = (isSure: boolean, email = john.email) => {
    const ask = async (question: string) => {
      questions.push(question);
      if (!isSure) throw new StartupError(1, 'Nothing was changed.');
    };
    return resetTwoFactorManually({ db: app.db, queue: app.queue, ask }, email);
  };
  await t.rejects(reset(false), { message: 'Nothing was changed.' });
  t.equal((await givePassword(new Client(app), john)).headers.location, CODE_PAGE);
  t.match(await reset(true), `Two-factor authentication is off for ${john.email}`);
  t.equal(await reset(true), `${john.email} has no two-factor authentication. Nothing was changed.`);
  t.equal(questions.length, 2);
  const { totp_secret, passkey_count } = await account(susan);
  t.same({ totp_secret, passkey_count }, { totp_secret: TOTP_SECRET, passkey_count: 1 }, 'hers stay');
  t.equal((await givePassword(new Client(app), john)).headers.location, '/');
  await t.rejects(reset(true, 'nobody@example.com'), { message: 'There is no account with the email' });
});

t.test('an export says since when it has been on, without the secret', async (t) => {
  const john = await createPerson({ hasTwoFactor: false });
  const client = await signedInClient(app, john);
  await turnOn(client);
  await client.post('/your-data');
  await drain(app);
  const files = await unzip((await client.get('/your-data/download')).rawPayload);
  t.match(JSON.parse(files['profile.json'] ?? ''), { two_factor_since: /^20.*Z$/ });
  t.notMatch(Object.values(files).join(), (await account(john)).totp_secret ?? 'it is off');
});
