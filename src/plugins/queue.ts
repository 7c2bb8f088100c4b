import fp from 'fastify-plugin';
import { StartupError } from '../errors.ts';
import { QueueAdmin } from '../queue/admin.ts';
import { type Clock, createBoss } from '../queue/boss.ts';
import { logJobs } from '../queue/events.ts';
import { JobQueue } from '../queue/job-queue.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** Enqueues jobs and, in a worker, works them. Lives in the application's own database. */
    queue: JobQueue;
    /** What an operator does to the queues. */
    queueAdmin: QueueAdmin;
  }
}

/** `app.queue` and `app.queueAdmin`, on the application's own database. */
export default fp<{ clock?: Clock | undefined }>(
  async (app, { clock }) => {
    const boss = createBoss(app, clock);
    app.decorate('queue', new JobQueue(app, boss));
    app.decorate('queueAdmin', new QueueAdmin(boss));
    logJobs(app);
    // A process that serves pages as well stops taking jobs at once, not when its last request has ended.
    app.addHook('preClose', (done) => {
      app.queue.stopWorking().catch(() => {}); // onClose waits for the same end, and reports it.
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
  { name: 'queue', dependencies: ['db', 'notifications', 'work', 'tracing'] },
);
