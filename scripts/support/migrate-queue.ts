import { type Kysely, sql } from 'kysely';
import { getMigrationPlans, PgBoss } from 'pg-boss';
import { queueContracts } from '../../src/all-queues.ts';
import { addressOf } from '../../src/database/hosts.ts';
import type { Schema } from '../../src/database/schema.ts';
import {
  buildOwnIndexes,
  installedQueueSchema,
  QUEUE_SCHEMA,
  synchroniseQueues,
} from '../../src/queue/index.ts';
import { buildIndexes } from './migration-locks.ts';

/**
 * Updates pg-boss's schema, which has its own versions, and its queues, which follow the contracts. The schema is updated
 * here and not by pg-boss, which would wait for locks for 30 seconds, and with it every request that enqueues a job.
 *
 * @param options.timeZone of schedules that name none
 */
export async function migrateQueue(
  db: Kysely<Schema>,
  databaseUrl: string,
  { report, timeZone }: { report: (line: string) => void; timeZone: string },
): Promise<void> {
  const installed = await installedQueueSchema(db);
  if (isOld(installed)) {
    await db.transaction().execute((trx) => sql.raw(queueMigration(installed)).execute(trx));
    report(`applied   version ${QUEUE_SCHEMA} of the queue's schema`);
  }
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
    if (installed <= QUEUE_SCHEMA) await buildIndexes(db, () => buildMissingIndexes(db, boss));
    await buildIndexes(db, () => buildOwnIndexes(db));
    await synchroniseQueues({ boss, db }, queueContracts, timeZone);
  } finally {
    await boss.stop({ graceful: false });
  }
  if (failure !== undefined) throw failure;
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
async function buildMissingIndexes(db: Kysely<Schema>, boss: PgBoss): Promise<void> {
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
