import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { type Clock, PgBoss } from 'pg-boss';
import { StartupError } from '../errors.ts';
import { QueueAdmin } from '../queue/admin.ts';
import { logJobs } from '../queue/events.ts';
import { JobQueue } from '../queue/job-queue.ts';
import { QUEUE_CONNECTIONS } from './db.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** Enqueues jobs and, in a worker, works them. Lives in the application's own database. */
    queue: JobQueue;
    /** What an operator does to the queues. */
    queueAdmin: QueueAdmin;
    notifications: Notifications;
  }
}

/** What PostgreSQL's NOTIFY tells, on a connection of its own that is opened anew whenever it is lost. */
export interface Notifications {
  /**
   * Listens until it is closed.
   *
   * @param heed.onGap the connection was lost and is there again: what was told meanwhile was missed
   */
  listen(
    channel: string,
    heed: { onMessage(payload: string): void; onGap(): void },
  ): Promise<{ close(): Promise<void> }>;
}

/**
 * How often some worker looks for jobs of dead workers, for schedules, and counts the queues. With the heartbeat's
 * ten seconds it bounds how long a killed worker's jobs wait.
 */
const SUPERVISE_SECONDS = 5;

/** `app.queue`: pg-boss, typed by the contracts. Only a worker supervises and schedules; no process migrates. */
export default fp<{ clock?: Clock | undefined }>(
  async (app, { clock }) => {
    const boss = createBoss(app, clock);
    app.decorate('queue', new JobQueue(app, boss));
    app.decorate('queueAdmin', new QueueAdmin(boss));
    app.decorate('notifications', {
      async listen(channel, { onMessage, onGap }) {
        const listening = await boss.getDb().listen?.(channel, onMessage, onGap);
        if (listening === undefined) throw new Error('the queue’s connection cannot listen');
        return listening;
      },
    });
    logJobs(app);
    // A process that serves pages as well stops taking jobs at once, not when its last request has ended.
    app.addHook('preClose', (done) => {
      void app.queue.stopWorking();
      done();
    });
    app.addHook('onClose', async () => {
      await app.queue.stopWorking();
      await boss.stop({ graceful: true, close: true });
    });
    try {
      await boss.start();
    } catch (error) {
      if (!(error instanceof Error) || !/requires migrations|not installed/.test(error.message)) throw error;
      throw new StartupError(2, `The queue's schema is old (${error.message}). Run: npm run migrate`, {
        cause: error,
      });
    }
  },
  { name: 'queue', dependencies: ['db', 'work', 'tracing'] },
);

function createBoss(app: FastifyInstance, clock: Clock | undefined): PgBoss {
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
