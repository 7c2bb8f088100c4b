import { createHash, generateKeyPairSync, type KeyObject, verify } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { build } from '../support/build.ts';
import { temporaryFolder } from '../support/folder.ts';
import { FaultyMailServer } from '../support/mail-server.ts';
import { catchMail } from '../support/smtp.ts';
import { waitFor } from '../support/wait-for.ts';

const MESSAGE = { messageId: '<1@example.com>', to: 'john@example.com', subject: 'x', text: 'x', html: 'x' };

t.test('a password is not sent to a mail server that offers no encryption', async (t) => {
  const smtp = await catchMail(t);
  // An address of this machine that does not look local.
  const url = `smtp://pennypost:secret@0.0.0.0:${smtp.port}/`;
  const careful = await build(t, { SMTP_URL: url });
  await t.rejects(careful.mailer.send(MESSAGE), { code: 'ETLS' });
  t.equal(smtp.mails.length, 0);
  const told = await build(t, { SMTP_URL: `${url}?requireTLS=false` });
  await told.mailer.send(MESSAGE);
  t.equal(smtp.mails.length, 1);
});

t.test('a message that waits for a connection is never sent once it is aborted', async (t) => {
  const smtp = await catchMail(t, { delayMs: 500 });
  const app = await build(t, { SMTP_URL: smtp.url, WORKER_CONCURRENCY: '1' });
  const controller = new AbortController();
  const first = app.mailer.send(MESSAGE);
  await waitFor(() => smtp.mails.length === 1, 'the first is on the only connection');
  const second = app.mailer.send({ ...MESSAGE, subject: 'aborted' }, { signal: controller.signal });
  const third = app.mailer.send({ ...MESSAGE, subject: 'third' });
  setImmediate(() => controller.abort(new Error('it took too long')));
  await t.rejects(second, { message: 'it took too long' });
  await Promise.all([first, third]);
  t.match(
    smtp.mails.map(({ subject }) => subject),
    [/ x$/, / third$/],
  );
});

t.test('the connection of an aborted message is closed, and makes room for the next', async (t) => {
  const smtp = await catchMail(t, { delayMs: 60_000 });
  const app = await build(t, { SMTP_URL: smtp.url, WORKER_CONCURRENCY: '1' });
  const controller = new AbortController();
  const sending = app.mailer.send(MESSAGE, { signal: controller.signal });
  await waitFor(() => smtp.mails.length === 1, 'it waits for the response');
  controller.abort(new Error('it took too long'));
  await t.rejects(sending, { message: 'it took too long' });
  const next = new AbortController();
  const another = app.mailer.send(MESSAGE, { signal: next.signal });
  await waitFor(() => smtp.mails.length === 2, 'the next is not behind it');
  next.abort();
  await t.rejects(another);
});

t.test('a mail is signed so that receivers can verify it, with the button to unsubscribe', async (t) => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const DKIM_PRIVATE_KEY_FILE = join(await temporaryFolder(t), 'dkim.pem');
  await writeFile(DKIM_PRIVATE_KEY_FILE, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  const smtp = await FaultyMailServer.start(t);
  const received = new Promise<string>((resolve) => {
    smtp.onMail = resolve;
  });
  const env = { DKIM_PRIVATE_KEY_FILE, MAIL_FROM: 'Pennypost <post@blog.example>', DKIM_SELECTOR: 'autumn' };
  const app = await build(t, { SMTP_URL: smtp.url, ...env });
  const text = 'Grüße   aus\n\n.\nAthen  \n\n\n';
  await app.mailer.send({ ...MESSAGE, text, unsubscribeUrl: 'https://blog.example/unsubscribe/x' });

  const mail = await received;
  const { tags, isValid } = verifyDkim(mail, publicKey);
  t.ok(isValid, mail);
  t.match(tags, { d: 'blog.example', s: 'autumn', a: 'rsa-sha256' });
  const signed = tags.h?.split(':') ?? [];
  for (const name of ['from', 'to', 'subject', 'date', 'list-unsubscribe', 'list-unsubscribe-post'])
    t.ok(signed.includes(name), name);
  t.notOk(verifyDkim(mail.replace('One-Click', 'Two-Click'), publicKey).isValid, 'a changed header');
  t.notOk(verifyDkim(mail.replace('Athen', 'Sparta'), publicKey).isValid, 'a changed body');
});

/** Verifies a signature as a receiver does (RFC 6376, with relaxed canonicalisation). */
function verifyDkim(mail: string, publicKey: KeyObject): { tags: Record<string, string>; isValid: boolean } {
  const [, head = '', body = ''] = /^([\s\S]*?\r\n)\r\n([\s\S]*)$/.exec(mail) ?? [];
  const headers = new Map(
    head.split(/\r\n(?![ \t])/).map((line): [string, string] => {
      const [name = '', ...value] = line.split(':');
      return [
        name.toLowerCase(),
        value
          .join(':')
          .replaceAll(/\r\n/g, '')
          .replaceAll(/[ \t]+/g, ' ')
          .trim(),
      ];
    }),
  );
  const signature = headers.get('dkim-signature') ?? '';
  const tags = Object.fromEntries(
    signature.split(';').map((tag) => {
      const [, name = '', value = ''] = /^\s*(\w+)=([\s\S]*)$/.exec(tag) ?? [];
      return [name, value.replaceAll(/\s/g, '')];
    }),
  );
  const lines = body.split('\r\n').map((line) => line.replaceAll(/[ \t]+/g, ' ').replace(/ $/, ''));
  const bodyHash = createHash('sha256').update(`${lines.join('\r\n').replace(/(\r\n)*$/, '')}\r\n`);
  const unsigned = `dkim-signature:${signature.replace(/\bb=[^;]*$/, 'b=')}`;
  const names = tags.h?.split(':') ?? [];
  const signed = [...names.map((name) => `${name}:${headers.get(name)}`), unsigned].join('\r\n');
  const isValid = verify('sha256', Buffer.from(signed), publicKey, Buffer.from(tags.b ?? '', 'base64'));
  return { tags, isValid: isValid && bodyHash.digest('base64') === tags.bh };
}
