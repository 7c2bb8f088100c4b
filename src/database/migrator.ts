import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { type Kysely, sql } from 'kysely';
import { FileMigrationProvider, Migrator } from 'kysely/migration';
import type { Db, Schema } from './schema.ts';

const FOLDER = path.join(import.meta.dirname, '..', '..', 'migrations');

/** Creates the migrator for `migrations/`. Pending migrations apply in one transaction. */
export function createMigrator(db: Kysely<Schema>): Migrator {
  return new Migrator({ db, provider: new FileMigrationProvider({ fs, path, migrationFolder: FOLDER }) });
}

/** Lists the migrations that the database lacks, oldest first. Costs one small query. */
export async function pendingMigrations(db: Db): Promise<string[]> {
  const applied = await appliedMigrations(db);
  return (await knownMigrations()).filter((name) => !applied.has(name));
}

/** Whether a newer release has migrated the database: it has everything that this release knows, and more. */
export async function isFromNewerRelease(db: Db): Promise<boolean> {
  const applied = await appliedMigrations(db);
  const known = await knownMigrations();
  return applied.size > known.length && known.every((name) => applied.has(name));
}

async function knownMigrations(): Promise<string[]> {
  return (await fs.readdir(FOLDER)).map((file) => path.parse(file).name).sort();
}

async function appliedMigrations(db: Db): Promise<Set<string>> {
  const table = await sql<{
    exists: boolean;
  }>`select to_regclass('kysely_migration') is not null as exists`.execute(db);
  if (!table.rows[0]?.exists) return new Set();
  const applied = await sql<{ name: string }>`select name from kysely_migration`.execute(db);
  return new Set(applied.rows.map(({ name }) => name));
}
