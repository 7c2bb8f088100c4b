import { setTimeout as sleep } from 'node:timers/promises';
import fp from 'fastify-plugin';
import { type Clock, createBoss, JobQueue, logJobs, QueueAdmin } from '../queue/index.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** Enqueues jobs and, in a worker, works them. */
    queue: JobQueue;
    /** Operators' actions on jobs and queues. */
    queueAdmin: QueueAdmin;
  }
}

/** How long closing may take if the database does not answer. */
const CLOSING_MS = 1_000;

/** Provides `app.queue` and `app.queueAdmin`, in the application's own database. */
export default fp<{ clock?: Clock | undefined }>(
  async (app, { clock }) => {
    const boss = await createBoss(app, clock);
    app.decorate('queue', new JobQueue(app, boss, clock));
    app.decorate('queueAdmin', new QueueAdmin(boss));
    logJobs(app);
    // A process that also serves pages stops taking jobs at once, not after its last request.
    app.addHook('preClose', (done) => {
      app.queue.stopWorking().catch(() => {}); // onClose waits for it too, and reports errors.
      done();
    });
    app.addHook('onClose', async () => {
      await app.queue.stopWorking();
      // Its maintenance may be interrupted.
      const stopped = boss.stop({ graceful: true, close: true });
      await Promise.race([stopped, sleep(CLOSING_MS, undefined, { ref: false })]);
    });
    await boss.start();
  },
  { name: 'queue', dependencies: ['db', 'channels', 'work', 'tracing'] },
);
