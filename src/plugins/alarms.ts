import fp from 'fastify-plugin';
import { type Alarm, deadLetterAlarm, REPORTING, raiseAlarm } from '../domain/alarms/raise.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** Enqueues a report of an error to the operator. Never rejects; logs its own failure. */
    raiseAlarm(alarm: Alarm): Promise<void>;
  }
}

/** Provides `app.raiseAlarm`, and raises an alarm for every dead letter. Does nothing without ADMIN_EMAIL or ALERT_WEBHOOK_URL. */
export default fp(
  async (app) => {
    const { db, queue, log, config } = app;
    const pending = new Set<Promise<void>>();
    app.decorate('raiseAlarm', async (alarm: Alarm) => {
      if (config.adminEmail === undefined && config.alertWebhookUrl === undefined) return;
      const raising = raiseAlarm({ db, queue }, alarm).catch((error) =>
        log.error({ err: error, alarm }, 'could not raise an alarm'),
      );
      pending.add(raising);
      await raising;
      pending.delete(raising);
    });
    queue.events.on('ended', ({ queue: name, jobId, isLast, error }) => {
      if (!isLast || REPORTING.some((contract) => contract.name === name)) return;
      const message = error instanceof Error ? error.message : String(error);
      void app.raiseAlarm(deadLetterAlarm(name, jobId, message));
    });
    app.addHook('onClose', async () => {
      await Promise.all(pending);
    });
  },
  { name: 'alarms', dependencies: ['db', 'queue'] },
);
