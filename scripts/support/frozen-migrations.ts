import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StartupError } from '../../src/errors.ts';

/** The released migrations, in the format of `sha256sum`. */
const LIST = 'migrations.sha256';

/** Files that migrations import, which are frozen too. */
const IMPORTED = ['src/queue/create-tables.ts'];

/**
 * Adds new migrations to the list.
 *
 * @param root of the project
 * @returns their paths
 * @throws StartupError if one on the list was changed or is missing
 */
export async function freeze(root: string): Promise<string[]> {
  const [released, current] = await Promise.all([readList(root), hashFiles(root)]);
  const changed = [...released].filter(([path, hash]) => current.get(path) !== hash).map(([path]) => path);
  if (changed.length > 0)
    throw new StartupError(
      1,
      `Released migrations must not change: ${changed.join(', ')}. Restore them, and make the change in a new one.`,
    );
  await writeFile(join(root, LIST), [...current].map(([path, hash]) => `${hash}  ${path}\n`).join(''));
  return [...current.keys()].filter((path) => !released.has(path));
}

/** The hash of each released migration, by its path. */
export async function readList(root: string): Promise<Map<string, string>> {
  const list = await readFile(join(root, LIST), 'utf8').catch(() => '');
  return new Map([...list.matchAll(/^(\w+) {2}(.+)$/gm)].map(([, hash = '', path = '']) => [path, hash]));
}

/** The hash of each migration as it is now, by its path. */
export async function hashFiles(root: string): Promise<Map<string, string>> {
  const migrations = (await readdir(join(root, 'migrations'))).sort().map((file) => `migrations/${file}`);
  const hashes = [...migrations, ...IMPORTED].map(async (path) => {
    const content = await readFile(join(root, path));
    return [path, createHash('sha256').update(content).digest('hex')] as const;
  });
  return new Map(await Promise.all(hashes));
}
