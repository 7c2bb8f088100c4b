import type { LightMyRequestResponse } from 'fastify';
import { sql } from 'kysely';
import t from 'tap';
import { MAX_PASSKEYS } from '../../../../src/domain/passkeys/add.ts';
import { removePasskey, renamePasskey } from '../../../../src/domain/passkeys/change.ts';
import { listPasskeys } from '../../../../src/domain/passkeys/list.ts';
import { relyingPartyOf } from '../../../../src/domain/passkeys/relying-party.ts';
import { startSession } from '../../../../src/domain/sessions/start.ts';
import { hashToken } from '../../../../src/domain/token.ts';
import { resetTwoFactor } from '../../../../src/domain/two-factor/turn-off.ts';
import { ApiProgram, basic } from '../../../support/api.ts';
import { build } from '../../../support/build.ts';
import { Client, errorsOf, messagesOf } from '../../../support/client.ts';
import { createUser, PASSWORD, signedInClient, type TestUser } from '../../../support/factories.ts';
import { drain } from '../../../support/jobs.ts';
import { waitForLock } from '../../../support/locks.ts';
import { addDevice, Device, insertPasskey } from '../../../support/passkeys.ts';
import { catchMail } from '../../../support/smtp.ts';
import { givePassword, giveTwoFactor } from '../../../support/two-factor.ts';

const REFUSED = { credential: 'This passkey was not accepted. Please try again.' };

const smtp = await catchMail(t);
const app = await build(t, { SMTP_URL: smtp.url, RATE_LIMITS: 'off' });

let people = 0;
async function createPerson(): Promise<TestUser> {
  people += 1;
  return createUser(app, { username: `john${people}` });
}

/** A person with a passkey, and no other session but the client's. */
async function withDevice() {
  const person = await createPerson();
  const client = await signedInClient(app, person);
  return { person, client, ...(await addDevice(client)) };
}

const optionsFor = async (client: Client) => (await client.post('/auth/login/passkey/options')).json();

async function logIn(device: Device, client = new Client(app)): Promise<LightMyRequestResponse> {
  return client.post('/auth/login/passkey', { credential: device.use(await optionsFor(client)) });
}

const isSignedIn = async (client: Client) => (await client.get('/auth/security')).statusCode === 200;

t.test(
  'a person adds a passkey, gets recovery codes and a mail, and logs in without a password',
  async (t) => {
    await withDevice(); // Somebody else, who has recovery codes.
    const person = await createPerson();
    const [client, elsewhere] = [await signedInClient(app, person), await signedInClient(app, person)];
    const copy = new Client(app);
    for (const [name, value] of client.cookies) copy.cookies.set(name, value);
    const { device, page } = await addDevice(client, 'My <phone>');
    t.equal(page.body.match(/(?:[a-z2-7]{4}-){5}[a-z2-7]{4}/g)?.length, 10);
    t.same(
      [await isSignedIn(client), await isSignedIn(elsewhere), await isSignedIn(copy)],
      [true, false, false],
      'elsewhere a password was enough',
    );
    const security = await client.get('/auth/security');
    t.match(security.body, '<strong>My &lt;phone&gt;</strong>');
    t.match(security.body, 'Not used yet.');

    const other = new Client(app);
    const credential = device.use(await optionsFor(other));
    const done = await other.post('/auth/login/passkey?next=%2Fauth%2Fsecurity', {
      credential,
      remember_me: 'y',
    });
    t.equal(done.headers.location, '/auth/security');
    t.match(
      done.cookies.find(({ name }) => name === 'session'),
      { maxAge: 30 * 24 * 60 * 60 },
    );
    t.match((await other.get('/auth/security')).body, 'Last used <time');
    t.match(
      (await other.get('/auth/passkeys/add')).headers.location,
      '/auth/verify',
      'the password was not given',
    );
    t.match((await client.get('/auth/activity')).body, 'Passkey added: “My &lt;phone&gt;”');
    await drain(app);
    const mail = smtp.mails.find(
      ({ subject, to }) =>
        subject === '[Pennypost] A passkey was added to your account' &&
        [to].flat()[0]?.text === person.email,
    );
    t.ok(mail);
  },
);

t.test('a passkey replaces the code after the password, which is no longer enough alone', async (t) => {
  const { person, device } = await withDevice();
  const client = new Client(app);
  const first = await givePassword(client, person);
  t.equal(first.headers.location, '/auth/login/code?next=%2F');
  const page = await client.follow(first);
  t.match(page.body, 'data-passkey="/auth/login/passkey/options"');
  t.notMatch(page.body, 'one-time-code', 'there is no app');
  t.equal((await client.post('/auth/login/code?next=%2F', { code: '123456' })).statusCode, 422);
  const program = new ApiProgram(app, basic(person.email, PASSWORD));
  t.equal((await program.post('/tokens/')).statusCode, 403);

  const { device: another } = await withDevice();
  const code = '/auth/login/code/passkey?next=%2F';
  const answer = async (from: Device) =>
    client.post(code, { credential: from.use(await optionsFor(client)) });
  t.same(errorsOf(await answer(another)), REFUSED, 'another account');
  t.equal((await new Client(app).post(code)).headers.location, '/auth/login?next=%2F');
  const { response, ...credential } = JSON.parse(device.use(await optionsFor(client)));
  const anonymous = { ...credential, response: { ...response, userHandle: undefined } };
  const accepted = await client.post(code, { credential: JSON.stringify(anonymous) });
  t.equal(accepted.headers.location, '/', 'a device need not say whose it is');
  t.equal((await client.get('/auth/passkeys/add')).statusCode, 200, 'the password was given just now');

  await giveTwoFactor(app, person);
  const both = new Client(app);
  await givePassword(both, person);
  t.match((await both.get('/auth/login/code')).body, /one-time-code(?:.|\n)*data-passkey/);
});

t.test('a challenge is valid for one answer, from one visitor, within five minutes', async (t) => {
  const { device } = await withDevice();
  const [client, other] = [new Client(app), new Client(app)];
  const send = (who: Client, credential: string) => who.post('/auth/login/passkey', { credential });
  const options = await optionsFor(client);
  await optionsFor(other);
  t.same(errorsOf(await send(other, device.use(options))), REFUSED, 'of another visitor');
  const credential = device.use(options);
  t.equal((await send(client, credential)).statusCode, 303);
  await client.post('/auth/logout');
  t.same(errorsOf(await send(client, credential)), REFUSED, 'sent again');

  const wrong = await optionsFor(other);
  t.same(errorsOf(await send(other, device.use({ challenge: 'AAAA' }))), REFUSED);
  t.same(errorsOf(await send(other, device.use(wrong))), REFUSED, 'a wrong answer uses it up');
  const late = await optionsFor(other);
  await sql`update passkey_challenges set expires_at = now()`.execute(app.db);
  t.same(errorsOf(await send(other, device.use(late))), REFUSED, 'late');
});

t.test('an answer for another site, another account or an unverified person is refused', async (t) => {
  const { person, device, client: owner } = await withDevice();
  const client = new Client(app);
  for (const [what, changes] of Object.entries({
    'another origin': { origin: 'http://localhost:3001' },
    'another domain': { rpId: 'example.com' },
    'nobody was verified': { isVerified: false },
    'another account': { userHandle: Buffer.from(String(person.id + 1)).toString('base64url') },
  })) {
    const credential = device.use(await optionsFor(client), changes);
    t.same(errorsOf(await client.post('/auth/login/passkey', { credential })), REFUSED, what);
  }
  const { response, ...signed } = JSON.parse(device.use(await optionsFor(client)));
  const { signature } = JSON.parse(device.use({ challenge: 'AAAA' })).response;
  const forged = JSON.stringify({ ...signed, response: { ...response, signature } });
  const unsigned = new Device().create({ challenge: 'AAAA', user: { id: 'MQ' } });
  for (const credential of [forged, '{', '[]', '{"id":1}', unsigned]) {
    t.same(errorsOf(await client.post('/auth/login/passkey', { credential })), REFUSED, credential);
    await optionsFor(client); // Each has a valid challenge.
  }
  t.same(errorsOf(await logIn(new Device(), client)), REFUSED, 'an unknown passkey');
  t.same(errorsOf(await client.post('/auth/login/passkey', {})), { credential: 'Passkeys need JavaScript.' });
  t.match((await owner.get('/auth/activity')).body, 'Log-in failed: wrong passkey');
  t.equal((await logIn(device, client)).statusCode, 303, `${person.username} is not locked out`);
});

t.test('a copied passkey is detected by its counter, which a device may lack', async (t) => {
  const { device, client: owner } = await withDevice();
  const { device: another } = await withDevice();
  const use = async (counter: number) => {
    const client = new Client(app);
    const credential = device.use(await optionsFor(client), { counter });
    return (await client.post('/auth/login/passkey', { credential })).statusCode;
  };
  t.same([await use(7), await use(7), await use(6), await use(0), await use(8)], [303, 422, 422, 422, 303]);
  t.match((await owner.get('/auth/activity')).body, 'Log-in failed: passkey may have been copied');
  t.equal((await logIn(another)).statusCode, 303, 'each passkey has its own');
  await sql`update passkeys set counter = 0`.execute(app.db);
  t.same([await use(0), await use(0)], [303, 303]);
});

t.test('a passkey does not log in to a closed account, and the page says why', async (t) => {
  const { person, device } = await withDevice();
  const set = (column: string, to: string) =>
    sql`update users set ${sql.ref(column)} = ${sql.raw(to)} where id = ${person.id}`.execute(app.db);
  await set('suspended_until', "now() + interval '1 day'");
  t.match(errorsOf(await logIn(device)), { credential: /^This account is suspended/ });
  await set('suspended_until', 'null');
  await set('deletion_due_at', 'now()');
  t.match(errorsOf(await logIn(device)), { credential: /^This account will be deleted/ });
  await set('deletion_due_at', 'null');
  await set('confirmed_at', 'null');
  const client = new Client(app);
  t.equal((await logIn(device, client)).statusCode, 303);
  t.equal((await client.get('/auth/security')).headers.location, '/auth/unconfirmed');
});

t.test('a passkey is renamed and removed by its owner, after the password', async (t) => {
  const { person, client, device } = await withDevice();
  const { id = 0 } =
    (await app.db.selectFrom('passkeys').select('id').where('user_id', '=', person.id).executeTakeFirst()) ??
    {};
  const path = `/auth/passkeys/${id}`;
  const stranger = await signedInClient(app, await createPerson());
  t.same(
    [
      (await stranger.get(path)).statusCode,
      (await stranger.post(path, { name: 'x', remove: 'y' })).statusCode,
      (await stranger.post(path, { name: 'x' })).statusCode,
    ],
    [404, 404, 404],
  );
  const codes = () =>
    app.db.selectFrom('recovery_codes').select('user_id').where('user_id', '=', person.id).execute();
  await removePasskey(app, { userId: person.id, id: await insertPasskey(app, person) });
  t.equal((await codes()).length, 10, 'the password is still not enough');
  const which = { userId: person.id + 1, id };
  await t.rejects(renamePasskey(app.db, which, 'x'), { code: 'not-found' });
  await t.rejects(removePasskey(app, which), { code: 'not-found' });
  const other = await insertPasskey(app, person);
  t.same(Object.keys(errorsOf(await client.post(path, { name: '' }))), ['name']);
  t.same(messagesOf(await client.follow(await client.post(path, { name: 'Key' }))), [
    'The name has been saved.',
  ]);
  const names = await listPasskeys(app.db, person.id);
  t.same(names.map(({ name }) => name === 'Key').sort(), [false, true], 'of one of two');
  t.match((await client.get(path)).body, 'Passkey “Key”');
  t.match((await client.get(`/auth/passkeys/${other}`)).body, 'Passkey “Phone”');
  await app.db.deleteFrom('passkeys').where('user_id', '=', person.id).where('id', '<>', id).execute();
  await sql`update sessions set verified_at = '-infinity'`.execute(app.db);
  t.match((await client.post(path, { name: 'Key', remove: 'y' })).headers.location, '/auth/verify');
  await client.post('/auth/verify', { password: PASSWORD });
  t.same(messagesOf(await client.follow(await client.post(path, { name: 'Key', remove: 'y' }))), [
    'The passkey has been removed.',
  ]);
  t.same(errorsOf(await logIn(device)), REFUSED);
  t.equal(
    (await givePassword(new Client(app), person)).headers.location,
    '/',
    'the password is enough again',
  );
  t.same(await codes(), []);
  t.match((await client.get('/auth/activity')).body, 'Passkey removed: “Key”');
  await drain(app);
  t.ok(
    smtp.mails.some(
      ({ subject, to }) =>
        subject?.endsWith('A passkey was removed from your account') && [to].flat()[0]?.text === person.email,
    ),
  );
});

t.test('an account has at most ten passkeys, even if two are added simultaneously', async (t) => {
  const { person, client } = await withDevice();
  for (let count = 1; count < MAX_PASSKEYS - 1; count += 1) await insertPasskey(app, person);
  const other = await anotherClientOf(person);
  const pages = await Promise.all([addDevice(client), addDevice(other)]);
  t.same(pages.map(({ page }) => page.statusCode).sort(), [303, 422]);
  t.match((await client.get('/auth/passkeys/add')).body, 'as many passkeys as an account can have');
});

t.test('a passkey is not added if its session ends in the meantime', async (t) => {
  const person = await createPerson();
  const [client] = [await signedInClient(app, person), await signedInClient(app, person)];
  const credential = new Device().create((await client.post('/auth/passkeys/options')).json());
  const { adding } = await app.db.transaction().execute(async (trx) => {
    await trx.selectFrom('users').select('id').where('id', '=', person.id).forUpdate().execute();
    const adding = client.post('/auth/passkeys/add', { name: 'Key', credential });
    await waitForLock(app.db);
    const session = hashToken(client.cookies.get('session') ?? '');
    await trx.deleteFrom('sessions').where('token_hash', '=', session).execute();
    return { adding };
  });
  await adding;
  t.same(await listPasskeys(app.db, person.id), []);
});

t.test('a passkey is added once, and only for the challenge that was given', async (t) => {
  const { client } = await withDevice();
  const device = new Device();
  const add = async (who: Client) =>
    (
      await who.post('/auth/passkeys/add', {
        name: 'Key',
        credential: device.create((await who.post('/auth/passkeys/options')).json()),
      })
    ).statusCode;
  t.same([await add(client), await add(client)], [303, 422]);
  await client.post('/auth/passkeys/options');
  const credential = new Device().create({ challenge: 'AAAA', user: { id: 'MQ' } });
  const refused = await client.post('/auth/passkeys/add', { name: 'Key', credential });
  t.same(errorsOf(refused), REFUSED, 'nor with the wrong challenge');
});

t.test('an operator removes passkeys with the second factor', async (t) => {
  const { person, device, client } = await withDevice();
  t.equal(await resetTwoFactor(app, person.id), true);
  t.same(errorsOf(await logIn(device)), REFUSED);
  t.equal((await givePassword(new Client(app), person)).headers.location, '/');
  t.equal(await resetTwoFactor(app, person.id), false);
  t.match((await client.get('/auth/activity')).body, 'Passkey removed');
});

t.test('challenges are limited by address', async (t) => {
  const limited = await build(t, { ACCOUNT_LIMITS: 'passkey=2/hour' });
  const ask = async (client: Client) => (await client.post('/auth/login/passkey/options')).statusCode;
  t.same(
    [await ask(new Client(limited)), await ask(new Client(limited)), await ask(new Client(limited))],
    [200, 200, 429],
  );
});

t.test('sites without a domain do not offer passkeys, and say what is missing', async (t) => {
  t.same(relyingPartyOf('http://localhost:3000'), { id: 'localhost', origin: 'http://localhost:3000' });
  const local = 'http://blog.localhost:3000';
  t.same(relyingPartyOf(local), { id: 'blog.localhost', origin: local });
  t.same(relyingPartyOf('https://blog.example/sub'), { id: 'blog.example', origin: 'https://blog.example' });
  for (const url of [
    'http://notlocalhost',
    'http://127.0.0.1:3000',
    'https://[::1]',
    'http://blog.example',
    'https://192.0.2.1',
  ])
    t.equal(relyingPartyOf(url), undefined, url);
  const without = await build(t, { BASE_URL: 'http://127.0.0.1:3000' });
  const client = await signedInClient(without, await createUser(without));
  t.notMatch((await new Client(without).get('/auth/login')).body, 'passkey');
  t.match((await client.get('/auth/security')).body, 'Passkeys need a site with a domain');
  t.equal((await client.post('/auth/login/passkey')).statusCode, 404);
});

/** A client in another session, which a password and a second factor started. */
async function anotherClientOf({ id: userId, passwordHash }: TestUser): Promise<Client> {
  const client = new Client(app);
  const proof = { passwordHash, isRemembered: false, isSecondFactorProven: true };
  client.cookies.set('session', await startSession(app.db, { userId, ...proof }));
  return client;
}
