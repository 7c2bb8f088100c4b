import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { build } from '../../support/build.ts';
import { Client } from '../../support/client.ts';
import { registration } from '../../support/factories.ts';
import { drain } from '../../support/jobs.ts';

t.test('without SMTP_URL mails are listed, newest first, as text and as HTML', async (t) => {
  const app = await build(t, { SMTP_URL: undefined, DATA_DIR: t.testdir() });
  const client = new Client(app);
  t.match((await client.get('/dev/mailbox')).body, 'No emails yet.');

  await client.post('/auth/register', registration({ username: 'tom', email: 'tom@example.com' }));
  await drain(app);
  await client.post('/auth/register', registration());
  await drain(app);

  const list = (await client.get('/dev/mailbox')).body;
  t.ok(list.indexOf('john@example.com') < list.indexOf('tom@example.com'));
  const url = /\/dev\/mailbox\/[^"]+/.exec(list)?.[0] ?? '';
  t.match((await client.get(url)).body, /<a href="http:\/\/localhost:3000\/auth\/confirm\/[\w-]{43}">/);
  const html = await client.get(`${url}/html`);
  t.match(html.body, 'Confirm my account');
  t.match(html.headers['content-security-policy'], /style-src 'sha256-/);
  t.notMatch(html.headers['content-security-policy'], 'unsafe');
});

t.test('a missing mail or a path outside the folder is not found', async (t) => {
  const app = await build(t, { SMTP_URL: undefined, DATA_DIR: t.testdir({ 'secret.eml': 'secret' }) });
  for (const id of ['nothing', '..%2fsecret', '%2e%2e%2fsecret']) {
    t.equal((await app.inject(`/dev/mailbox/${id}`)).statusCode, 404);
  }
});

t.test('only this machine can read the mailbox and the style guide', async (t) => {
  const app = await build(t, { SMTP_URL: undefined, DATA_DIR: t.testdir() });
  for (const url of ['/dev/mailbox', '/dev/styleguide', '/metrics']) {
    const status = async (options: object) => (await app.inject({ url, ...options })).statusCode;
    for (const host of ['localhost', 'LOCALHOST:3000', '127.0.0.1:80', '127.8.8.8', '[::1]:3000']) {
      t.equal(await status({ headers: { host } }), 200, `${url} as ${host}`);
    }
    t.equal(await status({ remoteAddress: '::1' }), 200, url);
    t.equal(await status({ remoteAddress: '192.0.2.1' }), 403, url);
    for (const host of ['blog.example', 'localhost.evil.example', '127.0.0.1.evil.example', '192.0.2.1']) {
      t.equal(await status({ headers: { host } }), 403, `${url} as ${host}`);
    }
    for (const name of [
      'via',
      'forwarded',
      'x-real-ip',
      'x-forwarded-for',
      'x-forwarded-host',
      'x-forwarded-x',
    ])
      t.equal(await status({ headers: { [name]: '127.0.0.1' } }), 403, `${url} with ${name}`);
  }
});

t.test('other users of the machine cannot read the mails', async (t) => {
  const folder = join(t.testdir({ mailbox: {} }), 'mailbox');
  const app = await build(t, { SMTP_URL: undefined, DATA_DIR: join(folder, '..') });
  await new Client(app).post('/auth/register', registration());
  await drain(app);
  const modeOf = async (path: string) => ((await stat(path)).mode & 0o777).toString(8);
  t.equal(await modeOf(folder), '700');
  const [mail = ''] = await readdir(folder);
  t.equal(await modeOf(join(folder, mail)), '600');
});

t.test('with a mail server there is no mailbox', async (t) => {
  const app = await build(t);
  t.equal((await app.inject('/dev/mailbox')).statusCode, 404);
});
