import t from 'tap';
import { mailQueue } from '../../../../src/queues.ts';
import { build, buildSharedWithMail } from '../../../support/build.ts';
import { Client, errorsOf, messagesOf } from '../../../support/client.ts';
import { createUser, mintToken, PASSWORD, signedInClient } from '../../../support/factories.ts';
import { assertEnqueued, drain, jobsOf } from '../../../support/jobs.ts';
import { withLimits } from '../../../support/limits.ts';
import { linkIn } from '../../../support/smtp.ts';

const emptied = await buildSharedWithMail(t);

const SENT = 'An email with instructions to confirm your new email address has been sent to you.';

const INVALID = 'Invalid request.';

async function setUp() {
  const { app, smtp } = await emptied();
  const john = await createUser(app);
  const client = await signedInClient(app, john);
  const emailNow = async () =>
    (await app.db.selectFrom('users').select('email').where('id', '=', john.id).executeTakeFirstOrThrow())
      .email;
  return { smtp, app, client, emailNow };
}

t.test('the new address gets a link, which works once and replaces the old address', async (t) => {
  const { smtp, app, client, emailNow } = await setUp();
  const wrong = await client.post('/auth/change-email', { email: 'new@example.com', password: 'guess' });
  t.same(errorsOf(wrong), { password: 'Invalid password.' });

  const page = await client.follow(
    await client.post('/auth/change-email', { email: 'new@example.com', password: PASSWORD }),
  );
  t.same(messagesOf(page), [SENT]);
  await drain(app);
  t.match(smtp.mails, [
    { to: { text: 'new@example.com' }, subject: '[Pennypost] Confirm your email address' },
  ]);
  t.equal(await emailNow(), 'john@example.com');

  const link = linkIn(smtp.mails[0]);
  t.equal((await new Client(app).get(link)).statusCode, 200, 'reading changes nothing');
  t.same(messagesOf(await client.follow(await client.post(link))), ['Your email address has been updated.']);
  t.equal(await emailNow(), 'new@example.com');
  const { id } = await app.db.selectFrom('email_changes').select('id').executeTakeFirstOrThrow();
  await app.queue.send(mailQueue, { template: 'change-email', emailChangeId: id }, { db: app.db });
  await drain(app);
  const links = smtp.mails.filter(({ subject }) => subject?.includes('Confirm'));
  t.equal(links.length, 1, 'a completed change mails no further link');
  t.same(await jobsOf(app, mailQueue), []);
  const again = await client.post(link);
  t.equal(again.statusCode, 404);
  t.match(again.body, INVALID);
  const madeUp = await client.get('/auth/change-email/made-up');
  t.equal(madeUp.statusCode, 404);
  t.match(madeUp.body, INVALID);
});

t.test('a taken address is not revealed: its owner is mailed instead, without a link', async (t) => {
  const { smtp, app, client } = await setUp();
  await createUser(app, { username: 'susan' });
  await createUser(app, { username: 'unconfirmed', email: 'susan@example.com', isConfirmed: false });
  const page = await client.follow(
    await client.post('/auth/change-email', { email: 'Susan@example.com', password: PASSWORD }),
  );
  t.same(messagesOf(page), [SENT]);
  await drain(app);
  t.match(smtp.mails, [
    {
      to: { text: 'susan@example.com' },
      subject: '[Pennypost] You already have an account',
      text: /Hi susan,/,
    },
  ]);
  t.same(await app.db.selectFrom('mailed_tokens').select('purpose').execute(), []);
});

t.test('the job is the same whether the address is taken or not', async (t) => {
  const { app, client } = await setUp();
  await createUser(app, { username: 'susan' });
  for (const email of ['susan@example.com', 'new@example.com']) {
    await client.post('/auth/change-email', { email, password: PASSWORD });
  }
  await assertEnqueued(t, app, mailQueue, [{ template: 'change-email' }, { template: 'change-email' }]);
  const [taken, free] = await jobsOf(app, mailQueue);
  t.same(Object.keys(taken?.data ?? {}), Object.keys(free?.data ?? {}));
});

t.test('an address gets a limited number of links, no matter who asks for them', async (t) => {
  const app = await build(t, {}, withLimits({ resend: 1 }));
  const ask = async (username: string, email: string) => {
    const client = await signedInClient(app, await createUser(app, { username }));
    return (await client.post('/auth/change-email', { email, password: PASSWORD })).statusCode;
  };
  t.equal(await ask('john', 'victim@example.com'), 303);
  t.equal(await ask('susan', 'Victim@example.com'), 429);
  t.equal(await ask('mary', 'other@example.com'), 303);
});

t.test('the password must be that of the requesting account, not of another with its address', async (t) => {
  const { app, client } = await setUp();
  const other = await createUser(app, { username: 'other', email: 'john@example.com', isConfirmed: false });
  const hash = await app.passwords.hash('the other password');
  await app.db.updateTable('users').set({ password_hash: hash }).where('id', '=', other.id).execute();
  const answer = await client.post('/auth/change-email', {
    email: 'new@example.com',
    password: 'the other password',
  });
  t.same(errorsOf(answer), { password: 'Invalid password.' });
});

t.test('an address taken in the meantime is refused when the link is used', async (t) => {
  const { smtp, app, client, emailNow } = await setUp();
  await client.post('/auth/change-email', { email: 'new@example.com', password: PASSWORD });
  await drain(app);
  await createUser(app, { username: 'susan', email: 'NEW@example.com' });
  t.match((await client.post(linkIn(smtp.mails[0]))).body, INVALID);
  t.equal(await emailNow(), 'john@example.com');
});

t.test(
  'changing the address voids links sent to the old one, and an unconfirmed account loses its role',
  async (t) => {
    const { app, smtp } = await emptied();
    const boss = await createUser(app, { role: 'Administrator', isConfirmed: false });
    const old = await mintToken(app, boss.id, 'confirm-account');
    const reset = await mintToken(app, boss.id, 'reset-password');
    const client = await signedInClient(app, boss);
    await client.post('/auth/change-email', { email: 'new@example.com', password: PASSWORD });
    await drain(app);
    await client.post(linkIn(smtp.mails[0]));
    await client.post(`/auth/confirm/${old}`);
    t.match(await app.db.selectFrom('users').select(['email', 'role', 'confirmed_at']).executeTakeFirst(), {
      email: 'new@example.com',
      role: 'User',
      confirmed_at: Date,
    });
    t.equal((await new Client(app).get(`/auth/reset/${reset}`)).statusCode, 404);
  },
);
