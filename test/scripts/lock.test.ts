import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';

t.test('npm has nothing to warn of: no package in the lock file asks for a version of Node', async (t) => {
  const file = join(import.meta.dirname, '..', '..', 'package-lock.json');
  const { packages } = JSON.parse(await readFile(file, 'utf8'));
  const asking = Object.keys(packages).filter((path) => path !== '' && packages[path].engines !== undefined);
  t.same(asking, [], 'after npm install, run: npm run lock');
});
