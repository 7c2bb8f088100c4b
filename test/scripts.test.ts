import { spawn } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { confirmEmail, grantRole, resetTwoFactorManually } from '../scripts/support/accounts.ts';
import { asker } from '../scripts/support/ask.ts';
import { build } from './support/build.ts';
import { createDatabase } from './support/database.ts';
import { createUser } from './support/factories.ts';
import { temporaryFolder } from './support/folder.ts';
import { RunningProcess, start } from './support/processes.ts';

// Mostly waits for processes.
t.jobs = 3;
t.test('admin grants a role and confirms an account', async (t) => {
  const env = { DATABASE_URL: await createDatabase(t) };
  const app = await build(t, env);
  const { db, queue } = app;
  const { id, email } = await createUser(app, { isConfirmed: false });
  const running = start(t, ['scripts/admin.ts', 'grant', 'JOHN@example.com', 'moderator'], env);
  t.equal(await running.exited(), 0);
  t.equal(running.output, 'JOHN@example.com is now Moderator.\n');
  t.equal(await confirmEmail(db, email), 'john@example.com is confirmed.');
  t.equal(
    await resetTwoFactorManually({ db, queue, ask: asker(true) }, email),
    'john@example.com has no two-factor authentication. Nothing was changed.',
  );
  const user = await db
    .selectFrom('users')
    .select(['role', 'confirmed_at'])
    .where('id', '=', id)
    .executeTakeFirst();
  t.equal(user?.role, 'Moderator');
  t.ok(user?.confirmed_at);

  await t.rejects(grantRole(db, 'john@example.com', 'king'), {
    exitCode: 2,
    message: 'There is no role "king"; choose from User,',
  });
  await t.rejects(confirmEmail(db, 'nobody@example.com'), {
    exitCode: 2,
    message: 'There is no account with the email',
  });
});

t.test('the console has the app, and ends with its input', async (t) => {
  const DATABASE_URL = await createDatabase(t);
  const child = spawn(process.execPath, [join(import.meta.dirname, '../scripts/console.ts')], {
    env: { PATH: process.env.PATH, DATABASE_URL, SMTP_URL: 'smtp://127.0.0.1:1' },
    cwd: import.meta.dirname,
  });
  const running = new RunningProcess(child);
  child.stdin.end("(await db.selectFrom('users').select('id').execute()).length + 41\n");
  t.equal(await running.exited(), 0);
  t.match(running.output, /pennypost> 41\n/);
});

t.test('profile runs the web process under the profiler and prints the profile’s path', async (t) => {
  const DATA_DIR = await temporaryFolder(t);
  const env = { DATABASE_URL: await createDatabase(t), DATA_DIR, PORT: '0' };
  const running = start(t, ['scripts/profile.ts'], env);
  await running.prints('Server listening');
  t.equal(await running.end('SIGINT'), 0);
  const [profile] = await readdir(join(DATA_DIR, 'profiles'));
  t.match(running.output, `The profile is ${join(DATA_DIR, 'profiles', profile ?? 'missing')}`);
});
