import type { FastifyInstance } from 'fastify';
import t from 'tap';
import { mailQueue } from '../../../../src/queues.ts';
import { build, buildShared } from '../../../support/build.ts';
import { Client, errorsOf, messagesOf } from '../../../support/client.ts';
import { createUser, mintToken, PASSWORD, registration, signedInClient } from '../../../support/factories.ts';
import { drain, jobsOf } from '../../../support/jobs.ts';
import { catchMail } from '../../../support/smtp.ts';

const emptied = await buildShared(t);

t.test('registering creates an account and enqueues its mail, without a worker or sending', async (t) => {
  const app = await emptied();
  const client = new Client(app);

  const response = await client.post('/auth/register', registration());

  t.equal(response.statusCode, 303);
  const page = await client.follow(response);
  t.same(messagesOf(page), ['We’ve sent a confirmation link to john@example.com.']);
  t.match(page.body, '<h1>Check your email</h1>');
  t.equal((await client.get('/edit-profile')).headers.location, '/auth/unconfirmed');
  const user = await app.db
    .selectFrom('users')
    .select(['id', 'role', 'confirmed_at'])
    .executeTakeFirstOrThrow();
  t.match(user, { role: 'User', confirmed_at: null });
  t.match(await jobsOf(app, mailQueue), [{ data: { template: 'confirm-account', userId: user.id } }]);
});

t.test('a refused form starts at its first faulty field, and names the fault there', async (t) => {
  const app = await emptied();
  const fields = registration({ email: 'nonsense', username: 'no spaces' });
  const { body } = await new Client(app).post('/auth/register', fields);
  t.match(body, /id="email"[^>]* aria-describedby="email-hint email-error" aria-invalid="true" autofocus>/);
  t.match(body, /id="username"[^>]* aria-invalid="true"/);
  t.equal(body.match(/ autofocus/g)?.length, 1);
});

t.test('a taken address is not revealed: the response is the same, and its owner is mailed', async (t) => {
  const smtp = await catchMail(t);
  const app = await build(t, { SMTP_URL: smtp.url });
  await createUser(app, { username: 'owner', email: 'John@Example.com' });

  const register = async (email: string, username: string) => {
    const client = new Client(app);
    const before = await countRows(app);
    const response = await client.post('/auth/register', registration({ email, username }));
    const after = await countRows(app);
    const page = await client.follow(response);
    return {
      status: response.statusCode,
      location: response.headers.location,
      rows: after.map((count, index) => count - (before[index] ?? 0)),
      page: page.body.replaceAll(email, 'EMAIL').replaceAll(username, 'NAME'),
      profile: (await new Client(app).get(`/user/${username}`)).statusCode,
      nameAgain: errorsOf(
        await new Client(app).post('/auth/register', registration({ email: 'x@example.com', username })),
      ),
      logIn: (await new Client(app).post('/auth/login', { email, password: PASSWORD })).headers.location,
    };
  };
  const free = await register('free@example.com', 'fresh1');
  t.match(free, { status: 303, profile: 404, rows: [1, 1, 1] });
  await drain(app);
  t.same(await register('john@example.COM', 'fresh2'), free);
  await drain(app);

  t.match(smtp.mails, [
    { to: { text: 'free@example.com' }, subject: '[Pennypost] Confirm your account' },
    { to: { text: 'John@example.com' }, subject: '[Pennypost] You already have an account' },
  ]);
  t.match(smtp.mails[1]?.text, 'Hi owner,');
  t.equal(smtp.mails.length, 2, 'and none reports log-ins to unconfirmed accounts');
  t.equal((await app.db.selectFrom('mailed_tokens').select('user_id').execute()).length, 1, 'with no link');
});

/** The tables that registering adds to. */
async function countRows({ pool }: FastifyInstance): Promise<number[]> {
  const tables = ['users', 'sessions', 'pgboss.job'];
  const counts = tables.map((table) => `(select count(*)::int from ${table})`);
  const { rows } = await pool.query(`select array[${counts.join(', ')}] as counts`);
  return rows[0].counts;
}

t.test('a taken username is refused in any case, and nothing is saved or sent', async (t) => {
  const app = await emptied();
  await createUser(app, { username: 'John', email: 'other@example.com' });

  const response = await new Client(app).post('/auth/register', registration({ username: 'jOHN' }));

  t.equal(response.statusCode, 422);
  t.same(errorsOf(response), { username: 'Username already in use.' });
  t.match(response.body, 'value="john@example.com"', 'the input is kept');
  t.notMatch(response.body, 'correct horse', 'but never a password');
  t.same(await jobsOf(app, mailQueue), []);
});

t.test(
  'if two people register the same name simultaneously, one gets it and the other is told',
  async (t) => {
    const app = await emptied();
    const answers = await Promise.all(
      ['one', 'two', 'three'].map((name) =>
        new Client(app).post('/auth/register', registration({ email: `${name}@example.com` })),
      ),
    );
    t.same(answers.map(({ statusCode }) => statusCode).sort(), [303, 422, 422]);
    t.equal((await jobsOf(app, mailQueue)).length, 1);
  },
);

t.test('an address can be registered again until it is confirmed', async (t) => {
  const app = await emptied();
  const answers = await Promise.all(
    ['one', 'two'].map((username) => new Client(app).post('/auth/register', registration({ username }))),
  );
  t.same(
    answers.map(({ statusCode }) => statusCode),
    [303, 303],
  );
  t.match(await jobsOf(app, mailQueue), [
    { data: { template: 'confirm-account' } },
    { data: { template: 'confirm-account' } },
  ]);
});

t.test('only the account that confirms ADMIN_EMAIL becomes Administrator', async (t) => {
  const app = await build(t, { ADMIN_EMAIL: 'Boss@example.com' });
  const client = new Client(app);
  const account = registration({ email: 'boss@Example.com' });
  await client.post('/auth/register', account);
  const find = () => app.db.selectFrom('users').select(['id', 'role']).executeTakeFirstOrThrow();
  const { id, role } = await find();
  t.equal(role, 'User', 'registering alone gives no role');
  await client.post('/auth/login', account);
  t.not((await client.get('/admin/jobs')).statusCode, 200);

  await client.post(`/auth/confirm/${await mintToken(app, id, 'confirm-account')}`);
  t.equal((await find()).role, 'Administrator');
  t.equal((await client.get('/admin/jobs')).statusCode, 200);
});

t.test('an unconfirmed Administrator cannot see the jobs', async (t) => {
  const app = await emptied();
  const boss = await createUser(app, { role: 'Administrator', isConfirmed: false });
  const client = await signedInClient(app, boss);
  t.equal((await client.get('/admin/jobs')).headers.location, '/auth/unconfirmed');
});

t.test('every invalid field has a message, and nothing is saved', async (t) => {
  const app = await emptied();
  const submit = (changes: Record<string, string>) =>
    new Client(app).post('/auth/register', registration(changes));
  const cases: [string, Record<string, string>, Record<string, string | RegExp>][] = [
    [
      'empty',
      { email: '', username: ' ', password: '', password2: '' },
      {
        email: 'This field is required.',
        username: 'This field is required.',
        password: 'This field is required.',
        password2: 'This field is required.',
      },
    ],
    ['no email', { email: 'john' }, { email: 'Invalid email address.' }],
    [
      'a header in the email',
      { email: 'john@example.com\r\nBcc: x@example.com' },
      { email: 'Invalid email address.' },
    ],
    [
      'an over-long email',
      { email: `${'j'.repeat(250)}@example.com` },
      { email: /Invalid email address|at most 254/ },
    ],
    [
      'a bad username',
      { username: 'john doe' },
      { username: 'Usernames must have only letters, numbers, dots or underscores' },
    ],
    ['an over-long username', { username: 'j'.repeat(65) }, { username: 'Enter at most 64 characters.' }],
    [
      'a short password',
      { password: 'short', password2: 'short' },
      { password: 'Enter at least 8 characters.' },
    ],
    ['different passwords', { password2: 'another one' }, { password2: 'Passwords must match.' }],
    [
      'NUL in the username',
      { username: 'jo\0hn' },
      { username: 'This field contains invalid characters. Please type it again.' },
    ],
  ];
  for (const [what, changes, errors] of cases) {
    const response = await submit(changes);
    t.equal(response.statusCode, 422, what);
    t.match(errorsOf(response), errors, what);
  }
  t.same(await app.db.selectFrom('users').select('id').execute(), []);
});

t.test('bodies that no form would send are refused with a 4xx', async (t) => {
  const app = await emptied();
  const client = new Client(app);
  const post = (payload: string | Buffer, type = 'application/x-www-form-urlencoded') =>
    client.post('/auth/register', {}, { payload, headers: { 'content-type': type } });

  const duplicated = await post('email=a@example.com&email=b@example.com');
  t.equal(duplicated.statusCode, 422);
  t.match(errorsOf(duplicated), { email: 'Enter only one value.' });

  const notUtf8 = await post(Buffer.concat([Buffer.from('username='), Buffer.from([0xff, 0xfe])]));
  t.equal(notUtf8.statusCode, 422);
  t.match(errorsOf(notUtf8), { username: /invalid characters/ });

  t.equal((await post('email=%ff&__proto__=x&constructor=y')).statusCode, 422, 'names that objects have');
  t.equal((await post('{"email":{"a":1}}', 'application/json')).statusCode, 415, 'JSON');
  t.equal((await post('--x', 'multipart/form-data; boundary=x')).statusCode, 415, 'multipart');
  t.equal((await post(`email=${'x'.repeat(10_000_000)}`)).statusCode, 413, '10 MB');
});
