import { sql } from 'kysely';
import { type Clock, enableClockOverride, PgBoss } from 'pg-boss';
import manifest from 'pg-boss/package.json' with { type: 'json' };
import { connectionTo } from './connection.ts';
import { OldSchema } from './errors.ts';
import type { Parts } from './options.ts';
import type { Db } from './tables.ts';

export { type Clock, enableClockOverride };

/** The version of pg-boss's schema that this release needs. */
export const QUEUE_SCHEMA: number = manifest.pgboss.schema;

/** Connections that pg-boss uses for supervision. */
export const QUEUE_CONNECTIONS = 1;

/**
 * How often a worker looks for dead workers' jobs and counts the queues. Together with the heartbeat's ten seconds, this limits
 * how long a killed worker's jobs wait.
 */
const SUPERVISE_SECONDS = 5;

/** How often a worker unblocks jobs whose parents are completed. They start within this time and a second for the poll. */
const FLOW_SECONDS = 2;

/**
 * Creates pg-boss for a process. It never migrates, and schedules.ts does the scheduling.
 *
 * @throws OldSchema if the queue's schema is out of date. A newer one is accepted, because an old release must be able to
 *   restart while a newer one is rolled out.
 */
export async function createBoss({ app, db, clock, ...parts }: Parts): Promise<PgBoss> {
  const installed = await installedQueueSchema(db);
  if (installed < QUEUE_SCHEMA) {
    throw new OldSchema(
      `The queue's schema is out of date (version ${installed} instead of ${QUEUE_SCHEMA})`,
    );
  }
  const boss = new PgBoss({
    ...(await connectionTo(parts.connection, 'background')),
    max: QUEUE_CONNECTIONS,
    // With `migrate`, pg-boss leaves a newer schema alone; without it, it refuses to start on one.
    migrate: installed > QUEUE_SCHEMA,
    supervise: parts.supervises,
    schedule: false,
    registerInstance: false,
    persistQueueStats: true,
    queueStatRetentionDays: 1, // A few megabytes an hour; job_history keeps the sums.
    superviseIntervalSeconds: SUPERVISE_SECONDS,
    monitorIntervalSeconds: SUPERVISE_SECONDS,
    flowIntervalSeconds: FLOW_SECONDS,
    openTelemetry: { enabled: false },
    ...(clock !== undefined && { clock }),
  });
  // Without a listener, a temporary failure of background work would crash the process.
  boss.on('error', (error) => parts.logFailure(error, {}, 'queue error'));
  boss.on('warning', (warning) => app.log.warn({ warning }, 'queue warning'));
  return boss;
}

/** The version of pg-boss's schema in the database; 0 if there is none. */
export async function installedQueueSchema(db: Db): Promise<number> {
  const exists = await sql<{ table: string | null }>`select to_regclass('pgboss.version') as table`.execute(
    db,
  );
  if (exists.rows[0]?.table == null) return 0;
  const { rows } = await sql<{ version: number }>`select version from pgboss.version`.execute(db);
  return rows[0]?.version ?? 0;
}
