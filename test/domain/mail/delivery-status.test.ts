import t from 'tap';
import { refusesAddress, reportsBadAddress } from '../../../src/domain/mail/delivery-status.ts';
import { bounce } from '../../support/bounce.ts';

t.test(
  'a reply that the address does not exist is distinguished from refusals of the sender or the message',
  async (t) => {
    for (const reply of [
      '550 5.1.1 <john@example.com>: Recipient address rejected: User unknown in virtual mailbox table',
      '550-5.1.1 The email account that you tried to reach does not exist.',
      '550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup',
      '550 No Such User Here',
      '550 5.0.0 <john@example.com>... User unknown',
      '553 sorry, no mailbox here by that name',
    ]) {
      t.ok(refusesAddress(reply), reply);
    }
    for (const reply of [
      '554 5.7.1 <john@example.com>: Relay access denied',
      '550 5.7.26 This mail has been blocked because the sender is unauthenticated',
      '550 5.1.8 Sender address rejected: Domain not found',
      '552 5.2.2 Mailbox full',
      '554 No SMTP service here',
      '451 4.7.1 Greylisted',
      '450 4.1.1 unverified address',
      '450 4.1.1 <john@example.com>: unverified address: host mx.example.com said: 550 5.1.1 User unknown',
      '',
    ]) {
      t.notOk(refusesAddress(reply), reply);
    }
  },
);

t.test('only reports that the address does not exist count as bounces', async (t) => {
  const isBad = (mail: string) => reportsBadAddress(Buffer.from(mail));
  t.ok(await isBad(bounce()));
  t.ok(
    await isBad(
      bounce('Action: Failed \nFinal-Recipient: rfc822;john@example.com\nStatus: 5.1.2 (bad host)'),
    ),
  );
  const exim =
    'Action: failed\nFinal-Recipient: rfc822;john@example.com\nStatus: 5.0.0\nRemote-MTA: dns; mx.example.com';
  t.ok(
    await isBad(bounce(`${exim}\nDiagnostic-Code: smtp;550-5.1.1 No such user`)),
    'the quoted reply says it',
  );
  t.notOk(await isBad(bounce(`${exim}\nDiagnostic-Code: smtp; 550 5.7.1 Blocked`)));
  t.notOk(await isBad(bounce(exim)), 'no reason at all');
  t.notOk(await isBad(bounce('Action: failed')), 'no status');
  t.notOk(await isBad(bounce('Status: 5.1.1')), 'no action');
  t.notOk(await isBad(bounce().replace('message/delivery-status', 'text/csv')), 'no report');
  t.notOk(await isBad(bounce('Action: delayed\nStatus: 5.1.1')), 'it is tried again');
  t.notOk(await isBad(bounce('Action: failed\nStatus: 5.2.2')), 'the mailbox is full');
  t.notOk(await isBad(bounce('Action: failed\nStatus: 4.4.7')), 'the server was away for days');
  t.notOk(
    await isBad('Subject: On holiday\r\nAuto-Submitted: auto-replied\r\n\r\nAction: failed\r\nStatus: 5.1.1'),
  );
  t.notOk(await isBad(''));
  const nested = 'Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n'.repeat(300);
  await t.rejects(isBad(nested), { code: 'unrenderable' }, 'nothing that a mail server writes');
});
