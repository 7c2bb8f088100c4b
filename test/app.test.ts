import t from 'tap';
import { register } from '../src/domain/accounts/register.ts';
import type { Queue } from '../src/queue/index.ts';
import { mailQueue } from '../src/queues.ts';
import { build } from './support/build.ts';
import { Client } from './support/client.ts';
import { createDatabase } from './support/database.ts';
import { registration } from './support/factories.ts';
import { drain, jobsOf } from './support/jobs.ts';
import { catchMail } from './support/smtp.ts';

t.test(
  'two apps with different databases, brokers and mail servers run independently in one process',
  async (t) => {
    const [thereMail, hereMail] = [await catchMail(t), await catchMail(t)];
    const here = await build(t, { SMTP_URL: hereMail.url, MAIL_FROM: 'here@example.com' });
    const there = await build(t, { SMTP_URL: thereMail.url, MAIL_FROM: 'there@example.com' });

    await new Client(here).post('/auth/register', registration());
    t.equal((await jobsOf(here, mailQueue)).length, 1);
    t.same(await jobsOf(there, mailQueue), [], 'the other broker has no such job');

    await drain(there);
    t.same([hereMail.mails, thereMail.mails], [[], []], 'the other app’s worker does not find it');

    await drain(here);
    t.match(hereMail.mails, [{ from: { text: 'here@example.com' } }]);
    t.same(thereMail.mails, []);
  },
);

t.test('the worker and the web process have the same tree, and the worker runs its jobs', async (t) => {
  const smtp = await catchMail(t);
  const env = { DATABASE_URL: await createDatabase(t), SMTP_URL: smtp.url };
  const web = await build(t, env, { role: 'web' });
  const worker = await build(t, env, { role: 'worker' });

  t.equal(web.printRoutes(), worker.printRoutes());
  t.equal(web.printPlugins().replaceAll(/ \d.*ms/g, ''), worker.printPlugins().replaceAll(/ \d.*ms/g, ''));

  await new Client(web).post('/auth/register', registration());
  await drain(worker);
  t.match(smtp.mails, [{ to: { text: 'john@example.com' } }]);
});

t.test('a registration that rolls back leaves no job; one that commits leaves exactly one', async (t) => {
  const app = await build(t);
  const { db, queue, passwords } = app;
  const person = { email: 'john@example.com', username: 'john', password: 'correct horse' };
  const { sendAll, flow, startBatch, closeBatch } = queue;
  const failing: Queue = {
    ...{ sendAll, flow, startBatch, closeBatch },
    async send(contract, payload, options) {
      await queue.send(contract, payload, options);
      throw new Error('the power went');
    },
  };

  await t.rejects(register({ db, queue: failing, passwords }, person), {
    message: 'the power went',
  });
  t.same(await jobsOf(app, mailQueue), []);
  t.same(await db.selectFrom('users').select('id').execute(), []);

  await register({ db, queue, passwords }, person);
  t.equal((await jobsOf(app, mailQueue)).length, 1);
});

t.test('only the web scope has sessions', async (t) => {
  const app = await build(t);
  const page = await app.inject('/');
  t.equal(page.statusCode, 200);
  t.notOk(app.hasRequestDecorator('session'), 'the root scope has no session');
});
