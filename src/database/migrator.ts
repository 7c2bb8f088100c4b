import { readdirSync } from 'node:fs';
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import { sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import { StartupError } from '../errors.ts';
import type { Db } from './schema.ts';

const FOLDER = path.join(import.meta.dirname, '..', '..', 'migrations');

/** The migrations of this release, oldest first. */
const KNOWN = namesIn(FOLDER);

/** A file in `migrations/`. */
export interface SchemaMigration extends Migration {
  /**
   * `expand` if the previous release works with it, `contract` if it removes what only older releases use. A process starts
   * without a contract step; `npm run migrate` applies it once no older process is left.
   */
  readonly kind: 'expand' | 'contract';
  /** False if it builds indexes concurrently, which PostgreSQL refuses in a transaction. Default true. */
  readonly isTransactional?: boolean;
}

/**
 * Loads the migrations of a folder, by name.
 *
 * @throws StartupError naming a file that does not declare its kind
 */
export async function loadMigrations(folder = FOLDER): Promise<Record<string, SchemaMigration>> {
  const loaded = namesIn(folder).map(async (name) => [name, await load(folder, name)] as const);
  return Object.fromEntries(await Promise.all(loaded));
}

/** Lists the migrations that this release needs and the database lacks, oldest first. */
export async function pendingMigrations(db: Db): Promise<string[]> {
  const applied = await appliedMigrations(db);
  const pending: string[] = [];
  for (const name of KNOWN) {
    if (!applied.has(name) && (await load(FOLDER, name)).kind === 'expand') pending.push(name);
  }
  return pending;
}

/**
 * The name of a process's connections: its role, and the number of the newest migration that it knows, from which
 * `npm run migrate` recognises processes of older releases.
 */
export function connectionName(role: string): string {
  return `pennypost ${role} ${KNOWN.at(-1)?.slice(0, 4)}`;
}

function namesIn(folder: string): string[] {
  return readdirSync(folder)
    .map((file) => path.parse(file).name)
    .sort();
}

async function load(folder: string, name: string): Promise<SchemaMigration> {
  const migration: SchemaMigration = await import(pathToFileURL(path.join(folder, `${name}.ts`)).href);
  if (migration.kind !== 'expand' && migration.kind !== 'contract') {
    const rule = "export const kind = 'expand', or 'contract' if it removes what only older releases use";
    throw new StartupError(2, `migrations/${name}.ts does not declare its kind: ${rule}`);
  }
  return migration;
}

/** The names of the applied migrations, including a newer release's. */
export async function appliedMigrations(db: Db): Promise<Set<string>> {
  const table = await sql<{
    exists: boolean;
  }>`select to_regclass('kysely_migration') is not null as exists`.execute(db);
  if (!table.rows[0]?.exists) return new Set();
  const applied = await sql<{ name: string }>`select name from kysely_migration`.execute(db);
  return new Set(applied.rows.map(({ name }) => name));
}
