import t from 'tap';
import { forDevelopment, isInstalled } from '../src/development.ts';
import { StartupError } from '../src/errors.ts';

const ABSENT = 'a-package-that-is-not-installed';

t.test('a missing development dependency is reported with the command that installs it', async (t) => {
  const failing = forDevelopment('A site without SMTP_URL', () => import(ABSENT));
  await t.rejects(failing, {
    constructor: StartupError,
    exitCode: 2,
    message: 'A site without SMTP_URL needs the development dependencies. Run: npm ci',
  });
  t.equal(isInstalled(ABSENT), false);
});

t.test('an installed module is imported, and its own errors pass through', async (t) => {
  t.equal(await forDevelopment('A test', async () => 'module'), 'module');
  const broken = new Error('broken');
  await t.rejects(
    forDevelopment('A test', () => Promise.reject(broken)),
    broken,
  );
  t.equal(isInstalled('tap'), true);
});
