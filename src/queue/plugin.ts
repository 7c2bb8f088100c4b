import fp from 'fastify-plugin';
import { QueueAdmin } from './admin.ts';
import { createBoss } from './boss.ts';
import { logJobs } from './events.ts';
import { JobQueue } from './job-queue.ts';
import { partsOf, type QueueOptions } from './options.ts';
import { waitAtMost } from './wait-at-most.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** Enqueues jobs and, in a worker, runs them. */
    queue: JobQueue;
    /** Operators' actions on jobs and queues. */
    queueAdmin: QueueAdmin;
  }
}

/** How long closing may take if the database does not answer. */
const CLOSING_MS = 1_000;

/**
 * Provides `app.queue` and `app.queueAdmin`. When the app closes, they stop before a database that was registered earlier.
 *
 * Registration throws OldSchema if the queue's schema must be migrated.
 */
export const queue = fp<QueueOptions>(
  async (app, options) => {
    const parts = partsOf(app, options);
    const boss = await createBoss(parts);
    app.decorate('queue', new JobQueue(parts, boss));
    app.decorate('queueAdmin', new QueueAdmin(boss));
    logJobs(app.queue.events, app.log);
    // A process that also serves pages stops taking jobs at once, not after its last request.
    app.addHook('preClose', (done) => {
      app.queue.stopWorking().catch(() => {}); // onClose waits for it too, and reports errors.
      done();
    });
    app.addHook('onClose', async () => {
      await app.queue.stopWorking();
      // Its maintenance may be interrupted.
      await waitAtMost(CLOSING_MS, boss.stop({ graceful: true, close: true }));
    });
    await boss.start();
  },
  { name: 'job-queue' },
);
