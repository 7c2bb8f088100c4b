import t from 'tap';
import { build } from '../support/build.ts';
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
