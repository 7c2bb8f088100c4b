import { Kysely, PostgresDialect, sql } from 'kysely';
import pg from 'pg';
import { PgBoss } from 'pg-boss';
import { addressOf } from '../../src/database/hosts.ts';
import { createMigrator, isFromNewerRelease } from '../../src/database/migrator.ts';
import type { Schema } from '../../src/database/schema.ts';
import { StartupError } from '../../src/errors.ts';
import { databaseUnreachable } from '../../src/plugins/db.ts';
import { queueContracts } from '../../src/queue/contracts.ts';
import { synchroniseQueues } from '../../src/queue/synchronise.ts';

/** Called with each line of progress. */
type Report = (line: string) => void;

/** An arbitrary number that no other lock in this database uses. */
const MIGRATION_LOCK = 7_366_997;

/**
 * Updates the application's and the queue's tables to the newest schema. Concurrent runs wait for each other.
 *
 * @throws StartupError naming the failed migration; all migrations of the run are rolled back
 */
export async function migrateToLatest(databaseUrl: string, report: Report): Promise<void> {
  await withMigrator(databaseUrl, async (migrator, db) => {
    if (await isFromNewerRelease(db)) {
      report('A newer release has updated the schema. Nothing was changed.');
      return;
    }
    const { error, results = [] } = await migrator.migrateToLatest();
    for (const { migrationName, status } of results) {
      if (status === 'Success') report(`applied   ${migrationName}`);
    }
    refuseFailure(error, results);
    await migrateQueue(databaseUrl);
    report(
      results.length === 0 ? 'The schema is current.' : `The schema is current: ${results.length} applied.`,
    );
  });
}

/** Reverts the newest applied migration. Does not change the queue's tables. */
export async function migrateDown(databaseUrl: string, report: Report): Promise<void> {
  await withMigrator(databaseUrl, async (migrator) => {
    const { error, results = [] } = await migrator.migrateDown();
    refuseFailure(error, results);
    report(results.length === 0 ? 'There is nothing to revert.' : `reverted  ${results[0]?.migrationName}`);
  });
}

/** Lists all migrations, applied and pending, oldest first. */
export async function listMigrations(databaseUrl: string, report: Report): Promise<void> {
  await withMigrator(databaseUrl, async (migrator) => {
    for (const { name, executedAt } of await migrator.getMigrations()) {
      report(
        executedAt === undefined ? `pending   ${name}` : `applied   ${name}  ${executedAt.toISOString()}`,
      );
    }
  });
}

async function withMigrator(
  databaseUrl: string,
  use: (migrator: ReturnType<typeof createMigrator>, db: Kysely<Schema>) => Promise<void>,
): Promise<void> {
  const pool = new pg.Pool({ ...addressOf(databaseUrl), max: 2, connectionTimeoutMillis: 5_000 });
  const db = new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) });
  try {
    await db.connection().execute(async (locked) => {
      await sql`select pg_advisory_lock(${MIGRATION_LOCK})`.execute(locked);
      await use(createMigrator(db), db);
      await sql`select pg_advisory_unlock(${MIGRATION_LOCK})`.execute(locked);
    });
  } catch (error) {
    throw error instanceof StartupError ? error : databaseUnreachable(databaseUrl, error);
  } finally {
    await db.destroy();
  }
}

/** Updates pg-boss's schema, which has its own versions, and its queues, which follow the contracts. */
async function migrateQueue(databaseUrl: string): Promise<void> {
  const boss = new PgBoss({
    ...addressOf(databaseUrl),
    max: 1,
    supervise: false,
    schedule: false,
    registerInstance: false,
  });
  let failure: Error | undefined;
  boss.on('error', (error) => {
    failure ??= error;
  });
  await boss.start();
  try {
    await synchroniseQueues(boss, queueContracts);
  } finally {
    await boss.stop({ graceful: false });
  }
  if (failure !== undefined) throw failure;
}

function refuseFailure(error: unknown, results: readonly { migrationName: string; status: string }[]): void {
  if (error === undefined) return;
  const failed = results.find(({ status }) => status === 'Error')?.migrationName;
  const reason = error instanceof Error ? error.message : String(error);
  const what = failed === undefined ? 'The migrations cannot run' : `Migration ${failed} failed`;
  throw new StartupError(1, `${what}: ${reason}. Nothing was changed.`, { cause: error });
}
