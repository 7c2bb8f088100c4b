import type { FastifyInstance } from 'fastify';
import { type Clock, enableClockOverride, PgBoss } from 'pg-boss';
import { connectionTo } from '../database/connection.ts';
import { isUnavailable } from '../database/unavailable.ts';

export { type Clock, enableClockOverride };

/** Connections of `DATABASE_POOL_MAX` that pg-boss uses for supervision and schedules. */
export const QUEUE_CONNECTIONS = 1;

/**
 * How often a worker checks for jobs of dead workers and for schedules, and counts the queues. Together with the
 * heartbeat's ten seconds, it limits how long a killed worker's jobs wait.
 */
const SUPERVISE_SECONDS = 5;

/** Creates pg-boss for a process. Only workers supervise and schedule, and none migrates. */
export function createBoss(app: FastifyInstance, clock: Clock | undefined): PgBoss {
  const isWorker = app.role === 'worker' || app.role === 'web-and-worker';
  const boss = new PgBoss({
    ...connectionTo(app.config.databaseUrl ?? '', app.config.deadlines, {
      name: `pennypost ${app.role} queue`,
      statements: 'long', // It deletes old jobs.
    }),
    max: QUEUE_CONNECTIONS,
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
  // Without a listener, a temporary failure of background work would end the process.
  boss.on('error', (error) => {
    if (isUnavailable(error)) app.outages.report(error);
    else app.log.error({ err: error }, 'queue error');
  });
  boss.on('warning', (warning) => app.log.warn({ warning }, 'queue warning'));
  return boss;
}
