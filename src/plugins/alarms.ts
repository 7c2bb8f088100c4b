import fp from 'fastify-plugin';
import { type Alarm, deadLetterAlarm, raiseAlarm } from '../domain/alarms/raise.ts';
import { alarmQueue } from '../queue/contracts.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** Enqueues a mail to the operator about an error. Never fails: if it cannot, it logs that. */
    raiseAlarm(alarm: Alarm): Promise<void>;
  }
}

/** Provides `app.raiseAlarm`, and raises an alarm for every dead letter. Does nothing without ADMIN_EMAIL. */
export default fp(
  async (app) => {
    const { db, queue, log, config } = app;
    const pending = new Set<Promise<void>>();
    app.decorate('raiseAlarm', async (alarm: Alarm) => {
      if (config.adminEmail === undefined) return;
      const raising = raiseAlarm({ db, queue }, alarm).catch((error) =>
        log.error({ err: error, alarm }, 'could not raise an alarm'),
      );
      pending.add(raising);
      await raising;
      pending.delete(raising);
    });
    queue.events.on('ended', ({ queue: name, jobId, isLast, error }) => {
      // Avoid an endless loop of alarms about alarms.
      if (!isLast || name === alarmQueue.name) return;
      const message = error instanceof Error ? error.message : String(error);
      void app.raiseAlarm(deadLetterAlarm(name, jobId, message));
    });
    app.addHook('onClose', async () => {
      await Promise.all(pending);
    });
  },
  { name: 'alarms', dependencies: ['db', 'queue'] },
);
