import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import type { ParsedMail } from 'mailparser';
import t from 'tap';
import { requestEmailChange } from '../../../src/domain/accounts/change-email.ts';
import { issueNamedToken, issueToken } from '../../../src/domain/api-tokens/issue.ts';
import { unsubscribeToken } from '../../../src/domain/people/mail-choices.ts';
import { endSession } from '../../../src/domain/sessions/end.ts';
import { startPendingLogIn } from '../../../src/domain/sessions/pending-log-in.ts';
import { startSession } from '../../../src/domain/sessions/start.ts';
import { hashToken } from '../../../src/domain/token.ts';
import { mailQueue } from '../../../src/queues.ts';
import { ApiProgram, basic, issueTestToken } from '../../support/api.ts';
import { buildSharedWithMail } from '../../support/build.ts';
import { Client, errorsOf, messagesOf } from '../../support/client.ts';
import { eventsOn } from '../../support/events.ts';
import { createUser, mintToken, PASSWORD, signedInClient, type TestUser } from '../../support/factories.ts';
import { drain, jobsOf } from '../../support/jobs.ts';
import { waitForLock } from '../../support/locks.ts';
import { linkIn } from '../../support/smtp.ts';

const ANOTHER = 'entirely another phrase';

const shared = await buildSharedWithMail(t, { ADMIN_EMAIL: 'boss@example.com' });

async function setUp(emptied = shared) {
  const { app, smtp } = await emptied();
  const john = await createUser(app);
  /** The newest mail with a subject, after all mails were sent. */
  const mailAbout = async (subject: string) => {
    await drain(app);
    return smtp.mails.findLast((mail) => mail.subject === `[Pennypost] ${subject}`);
  };
  return { app, john, mailAbout };
}

async function resetPassword(app: FastifyInstance, { id }: TestUser): Promise<void> {
  const token = await mintToken(app, id, 'reset-password');
  const fields = { password: ANOTHER, password2: ANOTHER };
  const response = await new Client(app).post(`/auth/reset/${token}`, fields);
  if (response.headers.location !== '/auth/login') throw new Error(`a reset answered ${response.statusCode}`);
}

function account({ db }: FastifyInstance, { id }: TestUser) {
  return db.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
}

const isSignedIn = async (client: Client) => (await client.get('/auth/change-password')).statusCode === 200;
const worksOn = async (program: ApiProgram) => (await program.get('/posts/')).statusCode === 200;

/** Changes the password right after it has been verified. */
function changePasswordAfterVerifying({ db, passwords }: FastifyInstance, { id }: TestUser): void {
  const { verify } = passwords;
  passwords.verify = async (...args) => {
    const isRight = await verify(...args);
    await db.updateTable('users').set({ password_hash: 'changed' }).where('id', '=', id).execute();
    return isRight;
  };
}

for (const [way, recover] of [
  ['a reset', resetPassword],
  [
    'a changed password',
    async (app: FastifyInstance, john: TestUser) => {
      const fields = { old_password: PASSWORD, password: ANOTHER, password2: ANOTHER };
      await (await signedInClient(app, john)).post('/auth/change-password', fields);
    },
  ],
] as const) {
  t.test(`${way} takes the account back from everyone else`, async (t) => {
    const { app, john, mailAbout } = await setUp();
    const thief = await signedInClient(app, john);
    await thief.post('/auth/change-email', { email: 'thief@example.com', password: PASSWORD });
    const change = linkIn(await mailAbout('Confirm your email address'));
    const otherReset = await mintToken(app, john.id, 'reset-password');
    await thief.post('/your-data');
    const download = linkIn(await mailAbout('Your data export is ready'));
    const programs = [
      await ApiProgram.of(app, john),
      new ApiProgram(app, `Bearer ${await issueTestToken(app, john, { name: 'backup', scope: 'write' })}`),
    ];
    t.equal((await new Client(app).get(download)).statusCode, 200);

    await thief.post('/auth/change-email', { email: 'later@example.com', password: PASSWORD });
    await recover(app, john);

    t.equal(await isSignedIn(thief), false);
    for (const program of programs) t.equal(await worksOn(program), false);
    t.equal((await new Client(app).get(download)).statusCode, 404);
    for (const link of [change, `/auth/reset/${otherReset}`]) {
      t.equal((await new Client(app).get(link)).statusCode, 404);
    }
    await thief.post(change);
    t.equal((await account(app, john)).email, 'john@example.com');
    t.match(await mailAbout('Your password was changed'), { to: { text: 'john@example.com' } });
    const asked = await mailAbout('Confirm your email address');
    t.match(asked, { to: { text: 'thief@example.com' } }, 'not what was still to be sent');
  });
}

t.test('unsubscribe links survive a reset', async (t) => {
  const { app, john } = await setUp();
  const { key } = await app.db
    .selectFrom('users')
    .select('unsubscribe_key as key')
    .where('id', '=', john.id)
    .executeTakeFirstOrThrow();
  await resetPassword(app, john);
  const path = `/unsubscribe/${unsubscribeToken('digest', key)}`;
  t.equal((await new Client(app).get(path)).statusCode, 200);
});

t.test('a password changed during its verification opens nothing', async (t) => {
  for (const use of ['log in', 'get a token', 'change the address', 'change the password']) {
    const { app, john } = await setUp(await buildSharedWithMail(t));
    const client = await signedInClient(app, john);
    changePasswordAfterVerifying(app, john);
    if (use === 'log in') {
      const page = await new Client(app).post('/auth/login', { email: john.email, password: PASSWORD });
      t.equal(page.statusCode, 401);
      t.match(page.body, 'Your password has just changed, or your account is closed.');
    } else if (use === 'get a token') {
      const program = new ApiProgram(app, basic(john.email, PASSWORD));
      t.equal((await program.post('/tokens/')).statusCode, 401);
    } else if (use === 'change the address') {
      const fields = { email: 'new@example.com', password: PASSWORD };
      t.same(errorsOf(await client.post('/auth/change-email', fields)), { password: 'Invalid password.' });
    } else {
      const fields = { old_password: PASSWORD, password: ANOTHER, password2: ANOTHER };
      const page = await client.post('/auth/change-password', fields);
      t.same(errorsOf(page), { old_password: 'Invalid password.' });
    }
    t.equal((await app.db.selectFrom('sessions').select('user_id').execute()).length, 1, use);
    t.same(await app.db.selectFrom('api_tokens').select('id').execute(), []);
    t.same(await jobsOf(app, mailQueue), []);
    t.equal((await account(app, john)).password_hash, 'changed');
  }
});

t.test('whatever needs a password waits for a concurrent change of it, and then fails', async (t) => {
  const { app, john } = await setUp();
  const session = await startSession(app.db, { userId: john.id, isRemembered: false });
  const token = { userId: john.id, sessionHash: hashToken(session), name: 'late', scope: 'write' } as const;
  for (const [what, use] of Object.entries({
    session: () => startSession(app.db, { userId: john.id, isRemembered: false, ...john }),
    code: () => startPendingLogIn(app.db, { ...john, isRemembered: false }),
    token: () => issueToken(app.db, john),
    'named token': () => issueNamedToken(app.db, { ...token, days: null }),
    address: () => requestEmailChange(app, john, 'new@example.com'),
  })) {
    const { result } = await app.db.transaction().execute(async (trx) => {
      await trx.updateTable('users').set({ password_hash: 'changed' }).where('id', '=', john.id).execute();
      await trx.deleteFrom('sessions').execute();
      const result = use().catch(({ code }) => code);
      await waitForLock(app.db);
      return { result };
    });
    t.equal(await result, what === 'address' ? false : 'unauthorized', what);
    const { passwordHash: password_hash } = john;
    await app.db.updateTable('users').set({ password_hash }).where('id', '=', john.id).execute();
  }
});

t.test('a session that ends while creating a token creates none', async (t) => {
  const { app, john } = await setUp();
  const session = await startSession(app.db, { userId: john.id, isRemembered: false });
  await startSession(app.db, { userId: john.id, isRemembered: false }); // Another of his.
  await endSession(app.db, session);
  const token = { userId: john.id, name: 'late', scope: 'write', days: null } as const;
  await t.rejects(issueNamedToken(app.db, { ...token, sessionHash: hashToken(session) }), {
    code: 'unauthorized',
  });
  const susan = await createUser(app, { username: 'susan' });
  const hers = hashToken(await startSession(app.db, { userId: susan.id, isRemembered: false }));
  await t.rejects(issueNamedToken(app.db, { ...token, sessionHash: hers }), { code: 'unauthorized' });
});

t.test('tokens and exports ask for the password again after ten minutes', async (t) => {
  const { app } = await setUp();
  const john = await createUser(app, { username: 'boss', role: 'Administrator' });
  const client = await signedInClient(app, john);
  await app.db
    .updateTable('sessions')
    .set({ verified_at: new Date(Date.now() - 601_000) })
    .execute();
  for (const path of ['/api-tokens', '/your-data', `/edit-profile/${john.id}`]) {
    const location = `/auth/verify?next=${encodeURIComponent(path)}`;
    for (const response of [await client.get(path), await client.post(path, { name: 'x' })]) {
      t.equal(response.headers.location, location);
    }
    const page = await client.post(location, { password: 'guessed' });
    t.same(errorsOf(page), { password: 'Invalid password.' });
  }
  const next = await client.post('/auth/verify?next=/api-tokens', { password: PASSWORD });
  t.equal(next.headers.location, '/api-tokens');
  const made = await client.post('/api-tokens', { name: 'x', scope: 'read', lifetime: '30' });
  t.match(made.body, 'Your new token');
});

t.test('the old address is notified of a change, and can undo it and what followed', async (t) => {
  const { app, john, mailAbout } = await setUp();
  const susan = await createUser(app, { username: 'susan' });
  const insertHers = (change: object) =>
    app.db
      .insertInto('email_changes')
      .values({ user_id: susan.id, new_email: 'susan@example.com', ...change })
      .execute();
  await insertHers({ old_email: 'before@example.com', completed_at: new Date() });
  const [elsewhere, hers] = [await signedInClient(app, john), await signedInClient(app, susan)];
  const thief = await signedInClient(app, john);
  const moveTo = async (email: string) => {
    await thief.post('/auth/change-email', { email, password: PASSWORD });
    await thief.post(linkIn(await mailAbout('Confirm your email address')));
    return mailAbout('Your email address was changed');
  };
  const first = await moveTo('thief@example.com');
  t.match(first, { to: { text: 'john@example.com' } });
  t.same([await isSignedIn(elsewhere), await isSignedIn(thief), await isSignedIn(hers)], [false, true, true]);
  const second = await moveTo('other@example.com');
  t.match(second, { to: { text: 'thief@example.com' } });
  const third = await moveTo('third@example.com');
  await insertHers({});

  const visitor = new Client(app);
  const twice = await Promise.all([visitor, new Client(app)].map((client) => client.post(linkIn(third))));
  t.same(twice.map(({ statusCode }) => statusCode).sort(), [303, 404], 'it works once');
  await visitor.get('/'); // Takes the message.
  t.equal((await account(app, john)).email, 'other@example.com', 'the earlier changes can still be undone');
  const undo = linkIn(first);
  t.match((await visitor.get(undo)).body, 'Restore my email address');
  t.match(messagesOf(await visitor.follow(await visitor.post(undo))), [
    /Your old email address has been restored/,
  ]);
  t.equal((await account(app, john)).email, 'john@example.com');
  t.equal(await isSignedIn(thief), false);
  t.equal((await visitor.get(linkIn(second))).statusCode, 404, 'the later change can no longer be undone');
  t.equal((await visitor.post(undo)).statusCode, 404);
  const herChanges = app.db.selectFrom('email_changes').select('old_email').where('user_id', '=', susan.id);
  t.same(await herChanges.orderBy('id').execute(), [
    { old_email: 'before@example.com' },
    { old_email: null },
  ]);
  t.equal((await account(app, susan)).email, susan.email);
  t.same((await eventsOn(app, john)).slice(2), Array(5).fill('address-changed by john'));
  const login = await visitor.post('/auth/login', { email: john.email, password: PASSWORD });
  t.same(errorsOf(login), { password: 'Invalid email or password.' });

  const reset = await mailAbout('Reset your password');
  t.match(reset, { to: { text: 'john@example.com' } });
  t.equal((await visitor.get(linkIn(reset))).statusCode, 200);
});

t.test('a change cannot be undone if the old address has another account', async (t) => {
  const { app, john, mailAbout } = await setUp();
  const client = await signedInClient(app, john);
  await client.post('/auth/change-email', { email: 'new@example.com', password: PASSWORD });
  await client.post(linkIn(await mailAbout('Confirm your email address')));
  const undo = linkIn(await mailAbout('Your email address was changed'));
  await createUser(app, { username: 'susan', email: 'John@example.com' });
  t.equal((await new Client(app).post(undo)).statusCode, 404);
  t.equal(await isSignedIn(client), true);
});

t.test('an unconfirmed address is not notified of its correction', async (t) => {
  const { app, mailAbout } = await setUp();
  const susan = await createUser(app, { username: 'susan', isConfirmed: false, role: 'Moderator' });
  const client = await signedInClient(app, susan);
  await client.post('/auth/change-email', { email: 'right@example.com', password: PASSWORD });
  await client.post(linkIn(await mailAbout('Confirm your email address')));
  t.match(await account(app, susan), { email: 'right@example.com', role: 'User', confirmed_at: Date });
  t.equal(await mailAbout('Your email address was changed'), undefined);
});

t.test('an account that moves to the operator’s address and confirms it becomes Administrator', async (t) => {
  const { app, john, mailAbout } = await setUp();
  const rival = await createUser(app, { username: 'rival', email: 'boss@example.com', isConfirmed: false });
  const client = await signedInClient(app, john);
  await client.post('/auth/change-email', { email: 'Boss@example.com', password: PASSWORD });
  await client.post(linkIn(await mailAbout('Confirm your email address')));
  t.equal((await account(app, john)).role, 'Administrator');
  t.same(await eventsOn(app, john), ['logged-in by john', 'role-changed by null', 'address-changed by john']);
  t.equal((await account(app, rival)).role, 'User', 'who has not confirmed it');
});

t.test('changing an account’s address as Administrator ends all access to it', async (t) => {
  const { app, john, mailAbout } = await setUp();
  const boss = await createUser(app, { username: 'boss', role: 'Administrator' });
  const thief = await signedInClient(app, john);
  await thief.post('/auth/change-email', { email: 'thief@example.com', password: PASSWORD });
  await thief.post(linkIn(await mailAbout('Confirm your email address')));
  const undo = linkIn(await mailAbout('Your email address was changed'));
  const administrator = await signedInClient(app, boss);
  const edit = (id: number, changes: object) =>
    administrator.post(`/edit-profile/${id}`, {
      username: 'john',
      confirmed: 'y',
      role: 'User',
      ...changes,
    });
  await edit(john.id, { email: 'THIEF@example.com', name: 'John' });
  t.equal(await isSignedIn(thief), true, 'another case is the same address');
  await edit(john.id, { email: 'john@work.example' });
  t.equal(await isSignedIn(thief), false);
  t.equal((await new Client(app).get(undo)).statusCode, 404);
  t.match(await mailAbout('An Administrator changed your email address'), {
    to: { text: 'THIEF@example.com' },
  });
  await edit(boss.id, { email: 'boss@work.example', username: 'boss', role: 'Administrator' });
  t.equal(await isSignedIn(administrator), true, 'their own session continues');
  const changes = app.db.selectFrom('email_changes').select('user_id').orderBy('user_id');
  t.same(await changes.execute(), [{ user_id: john.id }, { user_id: boss.id }], 'only one’s own are voided');
});

t.test('log-ins from new browsers are mailed, except for the first, up to a limit per account', async (t) => {
  const { app, john, mailAbout } = await setUp();
  const susan = await createUser(app, { username: 'susan' });
  for (let times = 0; times < 5; times += 1) await signedInClient(app, susan);
  await sql`delete from pgboss.job`.execute(app.db);
  const logIn = (client: Client) => client.post('/auth/login', { email: john.email, password: PASSWORD });
  const home = new Client(app);
  await logIn(home);
  await home.post('/auth/logout');
  await logIn(home);
  t.same(await jobsOf(app, mailQueue), []);

  for (let times = 0; times < 7; times += 1) await logIn(new Client(app, { remoteAddress: '192.0.2.7' }));
  t.equal((await jobsOf(app, mailQueue)).length, 4);
  await sql`update known_browsers set created_at = now() - interval '61 minutes'`.execute(app.db);
  await logIn(new Client(app, { remoteAddress: '192.0.2.7' }));
  t.equal((await jobsOf(app, mailQueue)).length, 5, 'again after an hour');
  const mail = await mailAbout('New log-in to your account');
  t.match(mail?.text, /192\.0\.2\.7/);
});

t.test(
  'the first log-in after a changed password is mailed, although all browsers are forgotten',
  async (t) => {
    const { app, john, mailAbout } = await setUp();
    const [home, client] = [await signedInClient(app, john), await signedInClient(app, john)];
    await sql`delete from pgboss.job`.execute(app.db);
    await client.post('/auth/change-password', {
      old_password: PASSWORD,
      password: ANOTHER,
      password2: ANOTHER,
    });
    await home.post('/auth/login', { email: john.email, password: ANOTHER });
    t.match(await mailAbout('New log-in to your account'), { to: { text: 'john@example.com' } });
  },
);

t.test('an account remembers the 20 browsers that it has used last', async (t) => {
  const { app, john } = await setUp();
  const susan = await createUser(app, { username: 'susan' });
  for (const [{ id }, day] of [
    [john, '2026-01-01'],
    [susan, '2026-02-01'],
  ] as const)
    await sql`
      insert into known_browsers (user_id, token_hash, last_used_at)
      select ${id}, sha256(concat(${id}::integer, n)::bytea), ${day}::timestamptz - make_interval(mins => n)
      from generate_series(1, 25) as n order by n % 5
    `.execute(app.db);
  await signedInClient(app, john);
  const { rows } = await sql`
    select user_id as id, count(*)::integer, min(last_used_at) as oldest from known_browsers group by 1 order by 1
  `.execute(app.db);
  t.same(JSON.parse(JSON.stringify(rows)), [
    { id: john.id, count: 20, oldest: '2025-12-31T23:41:00.000Z' },
    { id: susan.id, count: 25, oldest: '2026-01-31T23:35:00.000Z' },
  ]);
});

t.test('a previous user of a browser does not count as its next one', async (t) => {
  const { app, john } = await setUp();
  const susan = await createUser(app, { username: 'susan' });
  const shared = await signedInClient(app, john);
  const seen = shared.cookies.get('browser');
  await shared.post('/auth/logout');
  await shared.post('/auth/login', { email: susan.email, password: PASSWORD });
  const [, ofSusan] = shared.cookies.get('browser')?.split('.') ?? [];
  t.type(ofSusan, 'string');
  const known = await app.db
    .selectFrom('known_browsers')
    .select('token_hash')
    .where('user_id', '=', susan.id);
  t.same(await known.execute(), [{ token_hash: hashToken(ofSusan ?? '') }], `and not by ${seen}`);
  await shared.post('/auth/login', { email: john.email, password: PASSWORD });
  t.same(await jobsOf(app, mailQueue), [], 'both accounts know the browser they share');
});

/** A thief's copy of a browser's cookies. */
function copyOf(app: FastifyInstance, client: Client): Client {
  const copy = new Client(app);
  for (const [name, value] of client.cookies) copy.cookies.set(name, value);
  return copy;
}

for (const [what, act] of [
  ['the password is entered again', (client: Client) => client.post('/auth/verify', { password: PASSWORD })],
  [
    'the password is changed',
    (client: Client) =>
      client.post('/auth/change-password', { old_password: PASSWORD, password: ANOTHER, password2: ANOTHER }),
  ],
  [
    'the address is changed',
    async (client: Client, mailAbout: (subject: string) => Promise<ParsedMail | undefined>) => {
      await client.post('/auth/change-email', { email: 'new@example.com', password: PASSWORD });
      await client.post(linkIn(await mailAbout('Confirm your email address')));
    },
  ],
  [
    'the address is changed as Administrator',
    (client: Client, _mailAbout: unknown, { id, username }: TestUser) =>
      client.post(`/edit-profile/${id}`, {
        email: 'new@example.com',
        username,
        confirmed: 'y',
        role: 'Administrator',
      }),
  ],
] as const) {
  t.test(`a copied session cookie stops working once ${what}`, async (t) => {
    const { app, mailAbout } = await setUp();
    const boss = await createUser(app, { username: 'boss', role: 'Administrator' });
    const client = await signedInClient(app, boss);
    const copy = copyOf(app, client);
    t.equal(await isSignedIn(copy), true);
    await act(client, mailAbout, boss);
    t.equal(await isSignedIn(client), true);
    t.equal((await account(app, boss)).role, 'Administrator');
    t.equal(await isSignedIn(copy), false);
  });
}

t.test('a mailed link logs in, but is not a password', async (t) => {
  const { app } = await setUp();
  const susan = await createUser(app, { username: 'susan', isConfirmed: false });
  const client = new Client(app);
  await client.post(`/auth/confirm/${await mintToken(app, susan.id, 'confirm-account')}`);
  t.equal(await isSignedIn(client), true);
  for (const path of ['/api-tokens', '/your-data']) {
    t.match((await client.get(path)).headers.location, '/auth/verify?next=', path);
  }
});

t.test('a made-up link costs no hashing and stores nothing', async (t) => {
  const { app } = await setUp(await buildSharedWithMail(t));
  let hashes = 0;
  const { hash } = app.passwords;
  app.passwords.hash = (password) => {
    hashes += 1;
    return hash(password);
  };
  for (const what of ['confirm', 'reset', 'change-email', 'undo-email-change']) {
    const page = await new Client(app).post(`/auth/${what}/made-up`, {
      password: ANOTHER,
      password2: ANOTHER,
    });
    t.equal(page.statusCode, 404, what);
    t.equal(hashes, 0, what);
  }
  t.same(await app.db.selectFrom('sessions').select('user_id').execute(), []);
});

t.test('a reset refuses a password based on the account’s name', async (t) => {
  const { app, john } = await setUp();
  const token = await mintToken(app, john.id, 'reset-password');
  const page = await new Client(app).post(`/auth/reset/${token}`, {
    password: 'john_john',
    password2: 'john_john',
  });
  t.match(errorsOf(page), { password: /based on your name/ });
});

t.test('a browser that has logged in before has its own attempts', async (t) => {
  const { app, john } = await setUp(await buildSharedWithMail(t));
  await signedInClient(app, john); // Another of his browsers.
  const home = await signedInClient(app, john);
  await home.post('/auth/logout');
  const others = await signedInClient(app, await createUser(app, { username: 'susan' }));
  await others.post('/auth/logout');
  const stranger = new Client(app, { remoteAddress: '192.0.2.7' });
  const address = { remoteAddress: '127.0.0.1' };
  for (const client of [stranger, new Client(app, address)]) {
    for (let times = 0; times < 11; times += 1) {
      await client.post('/auth/login', { email: john.email, password: 'guessed' });
    }
  }
  const fields = { email: john.email, password: PASSWORD };
  for (const client of [new Client(app, address), others])
    t.equal((await client.post('/auth/login', fields)).statusCode, 429);
  t.equal((await home.post('/auth/login', fields)).statusCode, 303);
});
