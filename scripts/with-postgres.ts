import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { StartupError } from '../src/errors.ts';
import { runMain } from '../src/run-main.ts';
import { openScope } from '../test/support/scope.ts';
import { migrateToLatest } from './support/migrate.ts';
import { openTemporaryCluster } from './support/temporary-cluster.ts';

/** Shared by the many processes that the tests start. */
const COMPILE_CACHE = join(import.meta.dirname, '..', 'node_modules', '.cache', 'compile');

/** Fast but not durable: test databases need not survive a power cut. */
const SETTINGS = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_connections: '300',
  autovacuum: 'off',
  scram_iterations: '1', // Each connection computes them, and the random password needs no protection from guessing.
  log_min_messages: 'panic', // Nobody reads the log, and some tests log the plan of every statement.
};

/** With SCRAM, connecting costs a test process twice as much. */
const PLAIN_PASSWORDS = 'host all all 127.0.0.1/32 password\n';

const MEMORY = '/dev/shm';
const ENOUGH_BYTES = 2 ** 30;

/**
 * Runs a command, such as the tests, with a temporary PostgreSQL at `TEST_POSTGRES_URL`. Its database `template` is migrated and
 * ready to be cloned.
 */
await runMain(async () => {
  const [command, ...args] = process.argv.slice(2);
  if (command === undefined)
    throw new StartupError(2, 'Usage: node scripts/with-postgres.ts COMMAND [ARGUMENT…]');

  await using scope = openScope();
  const cluster = await openTemporaryCluster(scope, await temporaryFolder(), SETTINGS);
  await writeFile(join(cluster.folder, 'pg_hba.conf'), PLAIN_PASSWORDS);
  await query(cluster.url('postgres'), 'select pg_reload_conf()');
  await query(cluster.url('postgres'), 'create database template');
  await migrateToLatest(cluster.url('template'), () => {});
  // Otherwise a test's worker could find a schedule due by chance.
  await query(cluster.url('template'), `update job_schedules set next_at = next_at + interval '100 years'`);
  const child = spawn(command, args, {
    stdio: 'inherit',
    env: {
      NODE_COMPILE_CACHE: COMPILE_CACHE,
      ...process.env,
      TEST_POSTGRES_URL: cluster.url('postgres'),
    },
  });
  const exited = once(child, 'exit');
  scope.teardown(() => {
    child.kill('SIGTERM');
    return exited;
  });
  const [code] = await exited;
  process.exitCode = code ?? 1;
});

/** In memory if there is room, because each test clones the template's few hundred files. */
async function temporaryFolder(): Promise<string> {
  const memory = await statfs(MEMORY).catch(() => undefined);
  return memory !== undefined && memory.bavail * memory.bsize >= ENOUGH_BYTES ? MEMORY : tmpdir();
}

async function query(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(statement);
  await client.end();
}
