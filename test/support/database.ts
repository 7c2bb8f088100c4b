import { randomBytes } from 'node:crypto';
import pg from 'pg';
import type { Test } from 'tap';
import { waitFor } from './wait-for.ts';

/**
 * Clones the migrated template for a test and returns its URL.
 *
 * @param original the URL of another database to clone, which must have no connections
 */
export function createDatabase(t: Test, original = '/template'): Promise<string> {
  const [name, template] = [`test_${randomBytes(8).toString('hex')}`, original.split('/').at(-1)];
  return create(t, name, `template ${template} strategy file_copy`);
}

/** Creates an empty database, for tests of the migrations themselves. */
export function createEmptyDatabase(t: Test): Promise<string> {
  return create(t, `empty_${randomBytes(8).toString('hex')}`, '');
}

/** The major version of the tests' PostgreSQL. */
export async function testServerVersion(): Promise<number> {
  const rows = await query(`select current_setting('server_version_num')::int / 10000 as version`);
  return (rows as { version: number }[])[0]?.version ?? 0;
}

/** Drops the database after the test. A connection still open by then was leaked and fails the test. */
async function create(t: Test, name: string, options: string): Promise<string> {
  await query(`create database ${name} ${options}`);
  t.teardown(async () => {
    const openConnections = () =>
      query(
        `select application_name from pg_stat_activity where datname = '${name}' and backend_type = 'client backend'`,
      );
    try {
      await waitFor(async () => (await openConnections()).length === 0, `${name} has no connections`);
    } finally {
      await query(`drop database ${name} with (force)`);
    }
  });
  const url = new URL(maintenanceUrl());
  url.pathname = `/${name}`;
  return url.href;
}

/** Connecting costs more than cloning, so a process's databases share one connection. */
let maintenance: pg.Pool | undefined;

async function query(sql: string): Promise<unknown[]> {
  maintenance ??= openMaintenance();
  return (await maintenance.query(sql)).rows;
}

function openMaintenance(): pg.Pool {
  const pool = new pg.Pool({
    connectionString: maintenanceUrl(),
    max: 1,
    idleTimeoutMillis: 0,
    allowExitOnIdle: true,
  });
  pool.on('error', () => {}); // A test may end all connections; the next query opens a new one.
  return pool;
}

function maintenanceUrl(): string {
  const url = process.env.TEST_POSTGRES_URL;
  if (url === undefined)
    throw new Error('There is no test database. Run the tests with: npm run tap -- FILE');
  return url;
}
