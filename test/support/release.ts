import { cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Test } from 'tap';
import { temporaryFolder } from './folder.ts';

const ROOT = join(import.meta.dirname, '..', '..');

/** A migration's source, by name without `.ts`. */
export type Sources = Record<string, string>;

/** The source of a migration that runs one statement. */
export function migration(
  kind: 'expand' | 'contract',
  statement: string,
  { concurrently = false } = {},
): string {
  return `
    import { type Kysely, sql } from 'kysely';
    export const kind = '${kind}';
    ${concurrently ? 'export const isTransactional = false;' : ''}
    export async function up(db: Kysely<unknown>): Promise<void> {
      await sql\`${statement}\`.execute(db);
    }
  `;
}

/** Makes the next release: this one with more migrations, in a separate folder. Returns the folder. */
export async function makeRelease(t: Test, migrations: Sources): Promise<string> {
  const folder = await makeMigrations(t, migrations);
  const parts = ['package.json', 'public', 'scripts', 'src', 'views'];
  await Promise.all(parts.map((part) => cp(join(ROOT, part), join(folder, part), { recursive: true })));
  return folder;
}

/** Makes a folder whose `migrations` are this release's and more. */
export async function makeMigrations(t: Test, migrations: Sources): Promise<string> {
  const folder = await temporaryFolder(t);
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  await mkdir(join(folder, 'migrations'));
  await cp(join(ROOT, 'migrations'), join(folder, 'migrations'), { recursive: true });
  const imported = join('src', 'queue', 'create-tables.ts');
  await cp(join(ROOT, imported), join(folder, imported));
  for (const [name, source] of Object.entries(migrations))
    await writeFile(join(folder, 'migrations', `${name}.ts`), source);
  return folder;
}
