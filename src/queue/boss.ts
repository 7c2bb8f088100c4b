import type { FastifyInstance } from 'fastify';
import { type Clock, enableClockOverride, PgBoss } from 'pg-boss';

export { type Clock, enableClockOverride };

/** Of `DATABASE_POOL_MAX`, how many connections the queue takes to supervise and schedule. */
export const QUEUE_CONNECTIONS = 1;

/**
 * How often some worker looks for jobs of dead workers, for schedules, and counts the queues. With the heartbeat's
 * ten seconds it bounds how long a killed worker's jobs wait.
 */
const SUPERVISE_SECONDS = 5;

/** pg-boss for a process: only a worker supervises and schedules, and no process migrates. */
export function createBoss(app: FastifyInstance, clock: Clock | undefined): PgBoss {
  const isWorker = app.role === 'worker' || app.role === 'web-and-worker';
  const boss = new PgBoss({
    connectionString: app.config.databaseUrl ?? '',
    max: QUEUE_CONNECTIONS,
    application_name: `pennypost ${app.role} queue`,
    migrate: false,
    supervise: isWorker,
    schedule: isWorker,
    registerInstance: false,
    persistQueueStats: true,
    superviseIntervalSeconds: SUPERVISE_SECONDS,
    monitorIntervalSeconds: SUPERVISE_SECONDS,
    openTelemetry: { enabled: false },
    ...(clock !== undefined && { clock }),
  });
  // Without a listener, a passing failure of the background work would end the process.
  boss.on('error', (error) => app.log.error({ err: error }, 'the queue had an error'));
  boss.on('warning', (warning) => app.log.warn({ warning }, 'the queue has a warning'));
  return boss;
}
