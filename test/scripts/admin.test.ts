import t from 'tap';
import { mailTest } from '../../scripts/support/mail-test.ts';
import { printSettings, setSetting } from '../../scripts/support/settings.ts';
import { build } from '../support/build.ts';
import { createDatabase } from '../support/database.ts';
import { createUser } from '../support/factories.ts';
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
  const app = await build(t, { SMTP_URL: smtp.url });
  await t.rejects(mailTest(app, 'john@example.com'), {
    exitCode: 1,
    message: /^Not sent to john@example\.com through smtp[^\n]*550 not now, or never[^\n]*$/,
  });
});

t.test('settings set changes a setting or a page, and settings get prints them', async (t) => {
  const DATABASE_URL = await createDatabase(t);
  const running = start(t, ['scripts/admin.ts', 'settings', 'set', 'name', 'The Village'], { DATABASE_URL });
  t.equal(await running.exited(), 0);
  t.match(running.output, 'name is now The Village');
  const app = await build(t, { DATABASE_URL });
  t.equal(await setSetting(app, 'rules', 'Be *kind*.'), 'rules is saved.');
  await app.site.refresh();
  t.match(await printSettings(app), /^name: The Village\ntagline: .*\nrules: Be \*kind\*\.\n/s);
  for (const [name, value, message] of [
    ['name', ' ', 'name: must not have fewer than 1 characters'],
    ['registration', 'maybe', 'registration: Choose one of: open, approval, invitation, closed.'],
    ['rules', 'x'.repeat(50_001), 'rules: at most 50000 characters'],
    ['motto', 'x', /^There is no setting "motto"; choose from name, .*, imprint$/],
  ] as const) {
    await t.rejects(setSetting(app, name, value), { message });
  }
});

t.test('an unknown command, a missing argument or a wrong option shows the usage', async (t) => {
  const wrong = [['sessions', 'start'], ['mail-test'], ['confirm', 'a@b.example', '--now']];
  const runs = wrong.map((args) => start(t, ['scripts/admin.ts', ...args], {}));
  for (const running of runs) {
    t.equal(await running.exited(), 2);
    t.match(running.output, /^Usage: npm run admin -- COMMAND/);
  }
});

t.test(
  'a change that cannot be asked about needs --yes, and what the domain refuses is one line',
  async (t) => {
    const env = { DATABASE_URL: await createDatabase(t) };
    await createUser(await build(t, env), { role: 'Administrator' });
    const admin = async (...args: string[]) => {
      const running = start(
        t,
        ['scripts/admin.ts', 'suspend', 'JOHN@example.com', '7', 'Spam', ...args],
        env,
      );
      return [await running.exited(), running.output];
    };
    t.match(await admin(), [2, /^There is no terminal to ask on/]);
    t.same(await admin('--yes'), [1, 'You do not have permission to moderate this person.\n']);
  },
);
