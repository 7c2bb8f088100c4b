import t from 'tap';
import { createDatabase } from '../support/database.ts';
import { start } from '../support/processes.ts';
import { catchMail } from '../support/smtp.ts';

t.test('mail-test sends through the configured server and prints its response', async (t) => {
  const smtp = await catchMail(t);
  const env = { DATABASE_URL: await createDatabase(t), SMTP_URL: smtp.url };
  const running = start(t, ['scripts/admin.ts', 'mail-test', 'john@example.com'], env);
  t.equal(await running.exited(), 0);
  t.match(running.output, /^Sent to john@example\.com through smtp:\/\/127.*\nThe server said: 250/);
  t.match(smtp.mails, [{ to: { text: 'john@example.com' }, subject: '[Pennypost] Test' }]);
});

t.test("mail-test prints the server's refusal in one line", async (t) => {
  const smtp = await catchMail(t, { refuseRecipient: () => 550 });
  const env = { DATABASE_URL: await createDatabase(t), SMTP_URL: smtp.url };
  const running = start(t, ['scripts/admin.ts', 'mail-test', 'john@example.com'], env);
  t.equal(await running.exited(), 1);
  t.match(running.output, /^Not sent to john@example\.com through smtp.*550 not now, or never/);
  t.equal(running.output.trim().split('\n').length, 1);
});

t.test('an unknown command, or a missing argument, shows the usage', async (t) => {
  for (const args of [['nonsense'], ['mail-test']]) {
    const running = start(t, ['scripts/admin.ts', ...args], {});
    t.equal(await running.exited(), 2);
    t.match(running.output, /^Usage: npm run admin -- COMMAND/);
  }
});
