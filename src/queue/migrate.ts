import { type Kysely, sql } from 'kysely';
import { getMigrationPlans, PgBoss } from 'pg-boss';
import { installedQueueSchema, QUEUE_SCHEMA } from './boss.ts';
import type { ConnectionOptions } from './connection.ts';
import type { QueueContract } from './contract.ts';
import { createQueueTables } from './create-tables.ts';
import { buildOwnIndexes } from './jobs-table.ts';
import { synchroniseQueues } from './synchronise.ts';
import type { QueueTables } from './tables.ts';

interface MigrateOptions {
  /** The database's URL, or node-postgres's options. */
  readonly connection: string | ConnectionOptions;
  /** All queues. */
  readonly contracts: readonly QueueContract[];
  /** Of schedules that name none; UTC by default. */
  readonly timeZone?: string;
  /** Called with each line of progress. */
  readonly report?: (line: string) => void;
  /** Runs what builds indexes concurrently, such as with other deadlines for locks. */
  readonly buildIndexes?: (build: () => Promise<void>) => Promise<void>;
}

/**
 * Creates or updates all that the queue has in the database: its tables, unless a migration of the application has made them;
 * pg-boss's schema, which has its own versions; and the queues and schedules, which follow the contracts. The schema is updated
 * here and not by pg-boss, which would wait for locks for 30 seconds, and with it every request that enqueues a job.
 *
 * @param db not a transaction; one run at a time
 */
export async function migrateQueue(
  db: Kysely<QueueTables>,
  {
    connection,
    contracts,
    timeZone = 'UTC',
    report = () => {},
    buildIndexes = (build) => build(),
  }: MigrateOptions,
): Promise<void> {
  if (!(await hasTables(db))) await db.transaction().execute(createQueueTables);
  const installed = await installedQueueSchema(db);
  if (isOld(installed)) {
    await db.transaction().execute((trx) => sql.raw(queueMigration(installed)).execute(trx));
    report(`applied   version ${QUEUE_SCHEMA} of the queue's schema`);
  }
  const boss = new PgBoss({
    ...(typeof connection === 'string' ? { connectionString: connection } : connection),
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
    if (installed <= QUEUE_SCHEMA) await buildIndexes(() => buildMissingIndexes(db, boss));
    await buildIndexes(() => buildOwnIndexes(db));
    await synchroniseQueues({ boss, db }, contracts, timeZone);
  } finally {
    await boss.stop({ graceful: false });
  }
  if (failure !== undefined) throw failure;
}

async function hasTables(db: Kysely<QueueTables>): Promise<boolean> {
  const { rows } = await sql<{
    exists: boolean;
  }>`select to_regclass('job_attempts') is not null as exists`.execute(db);
  return rows[0]?.exists === true;
}

/** Whether the queue's schema exists and has to be updated. */
export function isOld(installed: number): boolean {
  return installed > 0 && installed < QUEUE_SCHEMA;
}

/** The statements of pg-boss that update its schema, without the transaction and the deadline around them. */
export function queueMigration(installed: number): string {
  const [, statements] = /^\s*BEGIN;(.*)^\s*COMMIT;$/ms.exec(getMigrationPlans('pgboss', installed)) ?? [];
  if (statements === undefined) throw new Error('pg-boss describes its migrations in another way');
  return statements.replace(/SET LOCAL lock_timeout = \d+;/, '');
}

/** Builds the indexes of a new version while the queue is used; also those that an interrupted run has not built. */
async function buildMissingIndexes(db: Kysely<QueueTables>, boss: PgBoss): Promise<void> {
  const { missing } = await boss.detectSchemaDrift();
  if (missing.length === 0) return;
  const statements = getMigrationPlans('pgboss', 0).matchAll(
    /^CREATE (?:UNIQUE )?INDEX CONCURRENTLY IF NOT EXISTS (\w+) [^;]*/gm,
  );
  const byIndex = new Map([...statements].map(([statement, index = '']) => [index, statement]));
  for (const { name } of missing) {
    const statement = byIndex.get(name);
    if (statement !== undefined) await sql.raw(statement).execute(db);
  }
}
