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
  /** For schedules that name none. Default UTC. */
  readonly timeZone?: string;
  /** Called with each line of progress. */
  readonly report?: (line: string) => void;
  /** Runs the concurrent builds of indexes, for example with other lock timeouts. */
  readonly buildIndexes?: (build: () => Promise<void>) => Promise<void>;
}

/**
 * Creates or updates everything that the queue has in the database: its tables, unless an application's migration has created
 * them; pg-boss's schema; and the queues and schedules of the contracts. pg-boss does not update its schema itself, because it
 * would wait up to 30 seconds for locks, and block every request that enqueues a job meanwhile. Must not run concurrently.
 *
 * @param db not a transaction
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

/** Whether pg-boss's schema exists and is out of date. */
export function isOld(installed: number): boolean {
  return installed > 0 && installed < QUEUE_SCHEMA;
}

/** pg-boss's statements that update its schema, without its transaction and lock timeout. */
export function queueMigration(installed: number): string {
  const [, statements] = /^\s*BEGIN;(.*)^\s*COMMIT;$/ms.exec(getMigrationPlans('pgboss', installed)) ?? [];
  if (statements === undefined) throw new Error("the format of pg-boss's migrations has changed");
  return statements.replace(/SET LOCAL lock_timeout = \d+;/, '');
}

/** Builds a new version's indexes while the queue is in use, and those that an interrupted run did not build. */
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
