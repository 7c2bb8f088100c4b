import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';

t.test('no package in the lock file requires a version of Node, so npm prints no warnings', async (t) => {
  const file = join(import.meta.dirname, '..', '..', 'package-lock.json');
  const { packages } = JSON.parse(await readFile(file, 'utf8'));
  const asking = Object.keys(packages).filter((path) => path !== '' && packages[path].engines !== undefined);
  t.same(asking, [], 'after npm install, run: npm run lock');
});
