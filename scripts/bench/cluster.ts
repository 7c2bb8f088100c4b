import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import pg from 'pg';
import { openScope } from '../../test/support/scope.ts';
import { migrateToLatest } from '../support/migrate.ts';
import { openClusterIn, openTemporaryCluster } from '../support/temporary-cluster.ts';
import type { Bench } from './table.ts';

/**
 * Runs PostgreSQL during a benchmark, with its default settings as on a site, so commits wait for the disk.
 *
 * @param keptIn a folder to keep the data in; without one, it is deleted at the end
 * @param measure gets a function that creates or reopens a migrated database and returns its URL
 */
export async function withCluster(
  keptIn: string | undefined,
  measure: (databaseUrl: Bench['databaseUrl']) => Promise<void>,
): Promise<void> {
  await using scope = openScope();
  const cluster =
    keptIn === undefined
      ? await openTemporaryCluster(scope, tmpdir())
      : await openClusterIn(scope, join(resolve(keptIn), 'postgres'));
  await measure(async (name) => {
    await createDatabase(cluster.url('postgres'), name);
    await migrateToLatest(cluster.url(name), () => {});
    return cluster.url(name);
  });
}

/**
 * Runs a command with an empty, migrated database, by default one of its own.
 *
 * @param given the URL of another
 */
export async function withEmptyDatabase(
  given: string | undefined,
  use: (databaseUrl: string) => Promise<void>,
): Promise<void> {
  if (given !== undefined) return use(given);
  await withCluster(undefined, async (databaseUrl) => use(await databaseUrl('pennypost')));
}

async function createDatabase(maintenanceUrl: string, name: string): Promise<void> {
  const client = new pg.Client({ connectionString: maintenanceUrl });
  await client.connect();
  try {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [name]);
    if (rowCount === 0) await client.query(`create database ${name}`);
  } finally {
    await client.end();
  }
}
