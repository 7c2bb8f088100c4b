import fp from 'fastify-plugin';
import { type Alarm, deadLetterAlarm, raiseAlarm } from '../domain/alarms/raise.ts';
import { alarmQueue } from '../queue/contracts.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** Has the operator told of an error by mail. Never fails: an alarm that cannot be raised is logged. */
    raiseAlarm(alarm: Alarm): Promise<void>;
  }
}

/** `app.raiseAlarm`, and an alarm for every job that is given up. Without ADMIN_EMAIL there is nobody to tell. */
export default fp(
  async (app) => {
    const { db, queue, log, config } = app;
    const underWay = new Set<Promise<void>>();
    app.decorate('raiseAlarm', async (alarm: Alarm) => {
      if (config.adminEmail === undefined) return;
      const raising = raiseAlarm({ db, queue }, alarm).catch((error) =>
        log.error({ err: error, alarm }, 'an alarm could not be raised'),
      );
      underWay.add(raising);
      await raising;
      underWay.delete(raising);
    });
    queue.events.on('ended', ({ queue: name, jobId, isLast, error }) => {
      // An alarm about an alarm would never end.
      if (!isLast || name === alarmQueue.name) return;
      const message = error instanceof Error ? error.message : String(error);
      void app.raiseAlarm(deadLetterAlarm(name, jobId, message));
    });
    app.addHook('onClose', async () => {
      await Promise.all(underWay);
    });
  },
  { name: 'alarms', dependencies: ['db', 'queue'] },
);
