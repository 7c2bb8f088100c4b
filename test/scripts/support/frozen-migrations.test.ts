import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { freeze, hashFiles, readList } from '../../../scripts/support/frozen-migrations.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');

t.test('no released migration was changed or removed', async (t) => {
  const [released, current] = await Promise.all([readList(ROOT), hashFiles(ROOT)]);
  t.ok(released.size > 0);
  for (const [path, hash] of released)
    t.equal(
      current.get(path),
      hash,
      `${path} is released. Restore it, and make the change in a new migration.`,
    );
});

t.test('a release adds its migrations to the list, and refuses if a released one was changed', async (t) => {
  const root = t.testdir({
    migrations: { '0001_tea.ts': 'tea' },
    src: { queue: { 'create-tables.ts': 'tables' } },
  });
  t.same(await freeze(root), ['migrations/0001_tea.ts', 'src/queue/create-tables.ts']);
  await writeFile(join(root, 'migrations', '0002_cake.ts'), 'cake');
  t.same(await freeze(root), ['migrations/0002_cake.ts']);
  t.same(await freeze(root), []);
  const list = await readFile(join(root, 'migrations.sha256'), 'utf8');
  t.match(list, /^[0-9a-f]{64} {2}migrations\/0001_tea\.ts\n/);

  await writeFile(join(root, 'migrations', '0001_tea.ts'), 'coffee');
  await t.rejects(freeze(root), { exitCode: 1, message: /must not change: migrations\/0001_tea\.ts\./ });
  await rm(join(root, 'migrations', '0001_tea.ts'));
  await t.rejects(freeze(root), { message: /must not change: migrations\/0001_tea\.ts\./ });
  t.equal(await readFile(join(root, 'migrations.sha256'), 'utf8'), list, 'the list is as it was');
});
