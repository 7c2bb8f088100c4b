import type { LightMyRequestResponse } from 'fastify';
import { sql } from 'kysely';
import t from 'tap';
import { correctEmail } from '../../../../src/domain/accounts/confirm.ts';
import { mailQueue } from '../../../../src/queues.ts';
import { build, buildShared } from '../../../support/build.ts';
import { Client, errorsOf, messagesOf, warningsOf } from '../../../support/client.ts';
import { eventsOn } from '../../../support/events.ts';
import { createUser, mintToken, PASSWORD, signedInClient } from '../../../support/factories.ts';
import { drain, jobsOf } from '../../../support/jobs.ts';
import { catchMail, linkIn } from '../../../support/smtp.ts';
import { giveTwoFactor } from '../../../support/two-factor.ts';
import { waitFor } from '../../../support/wait-for.ts';
import { writePosts } from '../../../support/writing.ts';

const emptied = await buildShared(t);

const THANKS = 'You have confirmed your account. Thanks!';
const INVALID = 'That link is invalid or has expired.';

/** The messages of the page after the button, or that of the refusal. */
function saysOf(page: LightMyRequestResponse): string[] {
  return page.statusCode === 404 && page.body.includes(INVALID) ? [INVALID] : messagesOf(page);
}

async function setUp() {
  const app = await emptied();
  const user = await createUser(app, { isConfirmed: false });
  const token = await mintToken(app, user.id, 'confirm-account');
  const isConfirmed = async () => {
    const row = await app.db
      .selectFrom('users')
      .select('confirmed_at')
      .where('id', '=', user.id)
      .executeTakeFirst();
    return row?.confirmed_at instanceof Date;
  };
  return { app, user, token, isConfirmed };
}

t.test('opening the link only shows a button, which confirms', async (t) => {
  const { app, user, token, isConfirmed } = await setUp();
  await app.db.updateTable('users').set({ email_bounced_at: new Date() }).execute();
  const scanner = new Client(app);
  for (let opened = 0; opened < 3; opened += 1) {
    t.equal((await scanner.get(`/auth/confirm/${token}`)).statusCode, 200);
  }
  t.notOk(await isConfirmed());
  const { body } = await scanner.get(`/auth/confirm/${token}`);
  t.match(
    body,
    /register as <strong>john<\/strong>\?.*Someone else knows/s,
    'an owner of the address sees whose account',
  );

  const client = await signedInClient(app, user);
  const response = await client.post(`/auth/confirm/${token}`);
  t.equal(response.statusCode, 303);
  t.same(messagesOf(await client.follow(response)), [THANKS]);
  t.ok(await isConfirmed());
  t.same(await app.db.selectFrom('users').select('email_bounced_at').execute(), [{ email_bounced_at: null }]);
  t.same(await eventsOn(app, user), ['logged-in by john', 'confirmed by john', 'logged-in by john']);
});

t.test('the link works on a device where nobody is logged in', async (t) => {
  const { app, token, isConfirmed } = await setUp();
  const client = new Client(app);
  const page = await client.follow(await client.post(`/auth/confirm/${token}`));
  t.same(messagesOf(page), [THANKS]);
  t.same(warningsOf(page), []);
  t.match(page.body, 'Hello, john!', 'and logs in there');
  t.ok(await isConfirmed());
});

t.test('a link works once, even for two simultaneous requests', async (t) => {
  const { app, token } = await setUp();
  const clients = [new Client(app), new Client(app), new Client(app)];
  const pages = await Promise.all(
    clients.map(async (client) => client.follow(await client.post(`/auth/confirm/${token}`))),
  );
  t.same(pages.flatMap(saysOf).sort(), [INVALID, INVALID, THANKS]);
});

t.test('an expired, unrelated or made-up link confirms nothing', async (t) => {
  const { app, user, token, isConfirmed } = await setUp();
  const client = await signedInClient(app, user);

  await sql`update mailed_tokens set expires_at = now()`.execute(app.db);
  for (const wrong of [token, 'x', 'x'.repeat(43), '..%2f..']) {
    const asked = await client.get(`/auth/confirm/${wrong}`);
    t.equal(asked.statusCode, 404, wrong);
    t.match(asked.body, INVALID, wrong);
    t.same(saysOf(await client.post(`/auth/confirm/${wrong}`)), [INVALID], wrong);
  }

  await sql`update mailed_tokens set expires_at = now() + interval '1 hour', purpose = 'reset-password'`.execute(
    app.db,
  );
  t.same(saysOf(await client.post(`/auth/confirm/${token}`)), [INVALID]);
  await sql`update mailed_tokens set purpose = 'confirm-account', sent_to = 'old@example.com'`.execute(
    app.db,
  );
  t.same(saysOf(await client.post(`/auth/confirm/${token}`)), [INVALID], 'to another address');
  t.notOk(await isConfirmed());
});

t.test('an unconfirmed account can read what visitors can, and is told how to do more', async (t) => {
  const { app, user } = await setUp();
  const client = await signedInClient(app, user);
  const author = await createUser(app, { username: 'susan' });
  const [postId = 0] = await writePosts(app, author);
  for (const url of ['/', `/post/${postId}`, '/user/susan', '/followers/susan']) {
    const page = await client.get(url);
    t.equal(page.statusCode, 200, url);
    t.notMatch(page.body, /<textarea|action="\/follow/, `${url} offers nothing that is refused`);
  }
  t.match((await client.get('/')).body, 'href="/auth/unconfirmed"');
  t.match((await client.get(`/post/${postId}`)).body, 'href="/auth/unconfirmed"');
  for (const url of ['/', `/post/${postId}`, '/follow/susan', '/edit-profile', '/api-tokens', '/your-data']) {
    const refused = await client.post(url, { body: 'x' });
    t.equal(refused.headers.location, '/auth/unconfirmed', url);
  }
  const page = await client.get('/auth/unconfirmed');
  t.equal(page.statusCode, 200);
  t.match(page.body, 'john@example.com');
});

t.test('a new link is mailed on request, and the old one still works', async (t) => {
  const { app, user, token } = await setUp();
  const client = await signedInClient(app, user);
  t.equal((await client.get('/auth/confirm')).statusCode, 404, 'a GET changes nothing');

  const page = await client.follow(await client.post('/auth/confirm'));
  t.same(messagesOf(page), ['We’ve sent a new confirmation link to john@example.com.']);
  t.match(await jobsOf(app, mailQueue), [{ data: { template: 'confirm-account', userId: user.id } }]);
  t.equal((await client.get(`/auth/confirm/${token}`)).statusCode, 200);
});

t.test('a link does not replace another user’s session', async (t) => {
  const { app, token, isConfirmed } = await setUp();
  const client = await signedInClient(app, await createUser(app, { username: 'susan' }));
  const page = await client.follow(await client.post(`/auth/confirm/${token}`));
  t.ok(await isConfirmed());
  t.match(page.body, 'Hello, susan!');
});

t.test('the first of two accounts with one address to confirm it owns it', async (t) => {
  const { app, user, token, isConfirmed } = await setUp();
  const rival = await createUser(app, { username: 'rival', email: user.email, isConfirmed: false });
  const rivalToken = await mintToken(app, rival.id, 'confirm-account');
  const client = new Client(app);
  t.same(messagesOf(await client.follow(await client.post(`/auth/confirm/${token}`))), [THANKS]);
  const late = new Client(app);
  t.same(saysOf(await late.post(`/auth/confirm/${rivalToken}`)), [INVALID]);
  t.ok(await isConfirmed());
  t.equal((await client.get('/user/rival')).statusCode, 404);
});

t.test('if two accounts confirm one address simultaneously, one of them owns it', async (t) => {
  const app = await emptied();
  for (let round = 1; round <= 5; round += 1) {
    const email = `shared${round}@example.com`;
    const tokens = await Promise.all(
      ['a', 'b', 'c'].map(async (name) => {
        const { id } = await createUser(app, { username: `${name}${round}`, email, isConfirmed: false });
        return mintToken(app, id, 'confirm-account');
      }),
    );
    const pages = await Promise.all(
      tokens.map(async (token) => {
        const client = new Client(app);
        return client.follow(await client.post(`/auth/confirm/${token}`));
      }),
    );
    t.same(pages.flatMap(saysOf).sort(), [INVALID, INVALID, THANKS]);
  }
  const confirmed = await app.db
    .selectFrom('users')
    .select('id')
    .where('confirmed_at', 'is not', null)
    .execute();
  t.equal(confirmed.length, 5);
});

t.test('a mistyped address can be corrected, and its link stops working', async (t) => {
  const { app, user, token, isConfirmed } = await setUp();
  const client = await signedInClient(app, user);
  const susan = await createUser(app, { username: 'susan', isConfirmed: false });
  const wrong = await client.post('/auth/unconfirmed', { email: 'nowhere' });
  t.equal(wrong.statusCode, 422);
  t.same(errorsOf(wrong), { email: 'Invalid email address.' });

  const page = await client.follow(await client.post('/auth/unconfirmed', { email: 'jon@example.com' }));
  t.same(messagesOf(page), ['We’ve sent a confirmation link to jon@example.com.']);
  const addresses = () => app.db.selectFrom('users').select('email').orderBy('id').execute();
  t.same(await addresses(), [{ email: 'jon@example.com' }, { email: susan.email }]);
  t.match(await jobsOf(app, mailQueue), [{ data: { template: 'confirm-account', userId: user.id } }]);
  t.same(saysOf(await client.post(`/auth/confirm/${token}`)), [INVALID]);
  t.notOk(await isConfirmed());

  const later = await mintToken(app, user.id, 'confirm-account');
  t.same(messagesOf(await client.follow(await client.post(`/auth/confirm/${later}`))), [THANKS]);
  t.equal((await client.post('/auth/unconfirmed', { email: 'x@example.com' })).headers.location, '/');
  t.same((await eventsOn(app, user))[1], 'address-changed by john');
  const late = correctEmail(app, user.id, 'x@example.com', { session: undefined });
  t.equal(await late, false, 'nor if it was confirmed in the meantime');
  t.match((await client.get('/')).body, 'Hello, john!');
});

t.test('correcting the address ends other sessions, pending changes of it and the role', async (t) => {
  const smtp = await catchMail(t);
  const app = await build(t, { SMTP_URL: smtp.url });
  const user = await createUser(app, { isConfirmed: false, role: 'Moderator' });
  const [client, thief] = [await signedInClient(app, user), await signedInClient(app, user)];
  await thief.post('/auth/change-email', { email: 'thief@example.com', password: PASSWORD });
  await drain(app);
  const change = linkIn(smtp.mails[0]);
  const copy = new Client(app);
  for (const [name, value] of client.cookies) copy.cookies.set(name, value);

  const role = async () => (await app.db.selectFrom('users').select('role').executeTakeFirst())?.role;
  await client.post('/auth/unconfirmed', { email: 'JOHN@example.com' });
  t.equal(await role(), 'Moderator', 'the same address');
  await client.post('/auth/unconfirmed', { email: 'jon@example.com' });

  t.equal(await role(), 'User');
  t.equal((await client.get('/auth/unconfirmed')).statusCode, 200, 'this session continues');
  for (const other of [thief, copy]) t.equal((await other.get('/auth/unconfirmed')).statusCode, 303);
  t.equal((await thief.get(change)).statusCode, 404);
});

t.test('an address corrected while its link is used is not confirmed', async (t) => {
  const { app, user, token, isConfirmed } = await setUp();
  const correction = await app.db.startTransaction().execute();
  await correction
    .updateTable('users')
    .set({ email: 'boss@example.com' })
    .where('id', '=', user.id)
    .execute();
  const client = new Client(app);
  const confirming = client.post(`/auth/confirm/${token}`);
  await waitFor(async () => {
    const { rows } =
      await sql`select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`.execute(
        app.db,
      );
    return rows.length === 1;
  }, 'the confirmation waits for the correction');
  await correction.commit().execute();
  t.same(saysOf(await confirming), [INVALID]);
  t.notOk(await isConfirmed());
});

t.test('a confirmed account has nothing to confirm', async (t) => {
  const app = await emptied();
  const client = await signedInClient(app, await createUser(app));
  t.equal((await client.get('/auth/unconfirmed')).headers.location, '/');
  t.equal((await client.post('/auth/confirm')).headers.location, '/');
  t.same(await jobsOf(app, mailQueue), []);
});

t.test('the link’s page does not promise to log in an account that needs a code', async (t) => {
  const { app, user, token } = await setUp();
  const promise = 'You will be logged in.';
  t.match((await new Client(app).get(`/auth/confirm/${token}`)).body, promise);
  await giveTwoFactor(app, user);
  t.notMatch((await new Client(app).get(`/auth/confirm/${token}`)).body, promise);
});
