import t from 'tap';
import { mailQueue } from '../../../../src/queues.ts';
import { build, buildSharedWithMail } from '../../../support/build.ts';
import { Client, errorsOf, messagesOf } from '../../../support/client.ts';
import { createUser, mintToken, PASSWORD, signedInClient } from '../../../support/factories.ts';
import { drain, jobsOf } from '../../../support/jobs.ts';
import { WIDE, withLimits } from '../../../support/limits.ts';
import { linkIn } from '../../../support/smtp.ts';

const emptied = await buildSharedWithMail(t);

const SENT = 'If that address has an account, we’ve sent it a reset link.';
const NEW = { password: 'a new password', password2: 'a new password' };

t.test("changing the password needs the old one, and ends the account's other sessions", async (t) => {
  const app = await build(t);
  const susan = await createUser(app, { username: 'susan' }); // Her password is the same.
  const john = await createUser(app);
  const [here, there] = [await signedInClient(app, john), await signedInClient(app, john)];

  const wrong = await here.post('/auth/change-password', { old_password: 'guess', ...NEW });
  t.equal(wrong.statusCode, 422);
  t.same(errorsOf(wrong), { old_password: 'Invalid password.' });
  const differing = await here.post('/auth/change-password', {
    old_password: PASSWORD,
    ...NEW,
    password2: 'x',
  });
  t.same(errorsOf(differing), { password2: 'Passwords must match.' });

  const page = await here.follow(
    await here.post('/auth/change-password', { old_password: PASSWORD, ...NEW }),
  );
  t.same(messagesOf(page), ['Your password has been updated.']);
  t.match(page.body, 'Hello, john!', 'this session continues');
  t.match((await there.get('/')).body, 'Hello, Stranger!', 'the other is refused');
  const old = await new Client(app).post('/auth/login', { email: john.email, password: PASSWORD });
  t.equal(old.statusCode, 422);
  const now = await new Client(app).post('/auth/login', { email: john.email, password: NEW.password });
  t.equal(now.statusCode, 303);
  await signedInClient(app, susan);
});

t.test(
  'a forgotten password is reset through a mailed link, which works once and ends every session',
  async (t) => {
    const { app, smtp } = await emptied();
    const john = await createUser(app);
    const signedIn = await signedInClient(app, john);
    const client = new Client(app);

    const asked = await client.follow(await client.post('/auth/reset', { email: 'JOHN@example.com' }));
    t.same(messagesOf(asked), [SENT]);
    await drain(app);
    t.match(smtp.mails, [{ subject: '[Pennypost] Reset your password', to: { text: john.email } }]);
    const link = linkIn(smtp.mails[0]);

    for (let opened = 0; opened < 2; opened += 1) t.equal((await client.get(link)).statusCode, 200);
    t.same(errorsOf(await client.post(link, { password: 'short', password2: 'short' })), {
      password: 'Enter at least 8 characters.',
    });
    t.same(errorsOf(await client.post(link, { ...NEW, password2: 'x' })), {
      password2: 'Passwords must match.',
    });
    await app.db.updateTable('users').set({ email_bounced_at: new Date() }).execute();
    t.same(messagesOf(await client.follow(await client.post(link, NEW))), [
      'Your password has been updated.',
    ]);
    t.same(await app.db.selectFrom('users').select('email_bounced_at').execute(), [
      { email_bounced_at: null },
    ]);
    t.match((await signedIn.get('/')).body, 'Hello, Stranger!');

    const again = await client.post(link, { password: 'once more', password2: 'once more' });
    t.equal(again.statusCode, 404);
    t.match(again.body, 'invalid or has expired');
    t.equal(
      (await new Client(app).post('/auth/login', { email: john.email, password: NEW.password })).statusCode,
      303,
    );
  },
);

t.test('nobody can use up the attempts of the browser that set a new password', async (t) => {
  const { config } = withLimits({ login: { account: { points: 2, seconds: 60 }, address: WIDE } });
  const app = await build(t, {}, { config: { ...config, loginFromAnywhere: { points: 3, seconds: 60 } } });
  const { email, id } = await createUser(app);
  const logIn = (client: Client, password: string) => client.post('/auth/login', { email, password });
  const browser = new Client(app);
  await browser.post(`/auth/reset/${await mintToken(app, id, 'reset-password')}`, NEW);

  for (const stranger of ['192.0.2.1', '192.0.2.2', '192.0.2.3'])
    await logIn(new Client(app, { remoteAddress: stranger }), 'a guess');
  t.equal((await logIn(new Client(app), NEW.password)).statusCode, 429);
  t.equal((await logIn(browser, NEW.password)).statusCode, 303, 'after a reset');

  const words = { old_password: NEW.password, password: 'yet another one', password2: 'yet another one' };
  t.equal((await browser.post('/auth/change-password', words)).statusCode, 303);
  await browser.post('/auth/logout');
  t.equal((await logIn(browser, words.password)).statusCode, 303, 'after a change of the password');
});

t.test('one of two simultaneous resets by the same link succeeds', async (t) => {
  const { app, smtp } = await emptied();
  const john = await createUser(app);
  await new Client(app).post('/auth/reset', { email: john.email });
  await drain(app);
  const link = linkIn(smtp.mails[0]);
  const answers = await Promise.all(
    ['first password', 'second password'].map((password) =>
      new Client(app).post(link, { password, password2: password }),
    ),
  );
  t.same(answers.map(({ statusCode }) => statusCode).sort(), [303, 404]);
});

t.test('requesting a reset does not reveal whether the address has an account', async (t) => {
  const { app, smtp } = await emptied();
  await createUser(app);
  await createUser(app, { username: 'susan', isConfirmed: false });
  for (const email of ['nobody@example.com', 'john@example.com']) {
    const client = new Client(app);
    const page = await client.follow(await client.post('/auth/reset', { email }));
    t.same(messagesOf(page), [SENT]);
  }
  const [unknown, known, ...others] = (await jobsOf(app, mailQueue)).map(({ data }) => data);
  t.match(unknown, { template: 'reset-password', passwordResetId: Number });
  t.same(Object.keys(known ?? {}), Object.keys(unknown ?? {}), 'their jobs are the same');
  t.same(others, []);
  await drain(app);
  t.match(smtp.mails, [{ to: { text: 'john@example.com' } }]);
  t.equal(smtp.mails.length, 1);
  t.equal((await jobsOf(app, mailQueue, ['completed'])).length, 2, 'there are no dead letters');
});

t.test('a link is for the account that has confirmed the address, or else for the newest', async (t) => {
  const { app, smtp } = await emptied();
  const email = 'shared@example.com';
  const ask = async () => {
    await new Client(app).post('/auth/reset', { email });
    await drain(app);
    return smtp.mails.at(-1)?.text ?? '';
  };
  await createUser(app, { username: 'first', email, isConfirmed: false });
  await createUser(app, { username: 'second', email, isConfirmed: false });
  t.match(await ask(), 'Hi second,');
  await createUser(app, { username: 'owner', email });
  await createUser(app, { username: 'third', email, isConfirmed: false });
  t.match(await ask(), 'Hi owner,');
});

t.test('a link is invalid once the account has another address', async (t) => {
  const app = await build(t);
  const { id } = await createUser(app);
  const token = await mintToken(app, id, 'reset-password');
  const client = new Client(app);
  t.equal((await client.get(`/auth/reset/${token}`)).statusCode, 200);
  await app.db.updateTable('users').set({ email: 'new@example.com' }).where('id', '=', id).execute();
  t.equal((await client.get(`/auth/reset/${token}`)).statusCode, 404);
  await client.post(`/auth/reset/${token}`, NEW);
  const logIn = await client.post('/auth/login', { email: 'new@example.com', password: NEW.password });
  t.equal(logIn.statusCode, 422);
});

t.test('changing the password voids reset links', async (t) => {
  const { app, smtp } = await emptied();
  const john = await createUser(app);
  const client = await signedInClient(app, john);
  await client.post('/auth/reset', { email: john.email });
  await drain(app);
  await client.post('/auth/change-password', { old_password: PASSWORD, ...NEW });
  t.equal((await client.get(linkIn(smtp.mails[0]))).statusCode, 404);
});

t.test('a confirmation link does not reset the password', async (t) => {
  const { app, smtp } = await emptied();
  const john = await createUser(app, { isConfirmed: false });
  const client = await signedInClient(app, john);
  await client.post('/auth/confirm');
  await drain(app);
  const token = linkIn(smtp.mails[0]).split('/').at(-1);
  const page = await client.post(`/auth/reset/${token}`, NEW);
  t.match(page.body, 'invalid or has expired');
});
