import t from 'tap';
import { mailQueue } from '../../src/queues.ts';
import { build } from '../support/build.ts';
import { Client } from '../support/client.ts';
import { registration } from '../support/factories.ts';
import { assertEnqueued, drain } from '../support/jobs.ts';
import { catchMail, linkIn } from '../support/smtp.ts';

t.test('registering enqueues the mail with the link', async (t) => {
  const app = await build(t);
  const client = new Client(app);
  const response = await client.post('/auth/register', registration());
  t.equal(response.statusCode, 303);
  await assertEnqueued(t, app, mailQueue, [{ template: 'confirm-account' }]);
});

t.test('the link in the mail confirms the account', async (t) => {
  const smtp = await catchMail(t);
  const app = await build(t, { SMTP_URL: smtp.url });
  const client = new Client(app);
  await client.post('/auth/register', registration());
  await drain(app);
  const page = await client.follow(await client.post(linkIn(smtp.mails[0])));
  t.match(page.body, 'You have confirmed your account. Thanks!');
});
