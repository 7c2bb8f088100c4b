import { randomBytes } from 'node:crypto';
import pg from 'pg';
import type { Test } from 'tap';
import { waitFor } from './wait-for.ts';

/**
 * Clones the migrated template into a database of the test's own and returns its URL. At the end of the test it is
 * dropped; a connection that is still open then was leaked, and fails the test.
 */
export async function createDatabase(t: Test): Promise<string> {
  const name = `test_${randomBytes(8).toString('hex')}`;
  await query(`create database ${name} template template strategy file_copy`);
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

/** Creates an empty database, for tests of the migrations themselves. */
export async function createEmptyDatabase(t: Test): Promise<string> {
  const name = `empty_${randomBytes(8).toString('hex')}`;
  await query(`create database ${name}`);
  t.teardown(() => query(`drop database ${name} with (force)`));
  const url = new URL(maintenanceUrl());
  url.pathname = `/${name}`;
  return url.href;
}

async function query(sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: maintenanceUrl() });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

function maintenanceUrl(): string {
  const url = process.env.TEST_POSTGRES_URL;
  if (url === undefined)
    throw new Error('There is no test database. Run the tests with: npm run tap -- FILE');
  return url;
}
