import t from 'tap';
import { build } from '../support/build.ts';
import { catchMail } from '../support/smtp.ts';

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
