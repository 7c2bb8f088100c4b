import fp from 'fastify-plugin';
import { findMailOutage } from '../domain/mail/outage.ts';
import { SlowDown } from '../queue/index.ts';
import { mailQueue } from '../queues.ts';

declare module 'fastify' {
  interface FastifyInstance {
    mailOutage: {
      /** When an outage of mail began, as of the last check; undefined without an outage. */
      readonly since: Date | undefined;
      /** Checks again. Never rejects; if the check fails, `since` stays the same. */
      refresh(): Promise<Date | undefined>;
    };
  }
}

const REFRESH_MS = 10_000;

/**
 * Provides `app.mailOutage`. A process that serves pages checks every ten seconds, so that no page has to. A worker checks when a
 * mail fails, and raises an alarm when an outage begins.
 */
export default fp(
  async (app) => {
    let checkedAt = -Infinity;
    let isReported = false;
    const mailOutage: { since: Date | undefined; refresh(): Promise<Date | undefined> } = {
      since: undefined,
      async refresh() {
        try {
          mailOutage.since = await findMailOutage(app.db);
        } catch (error) {
          app.log.warn({ err: error }, 'could not check for an outage of mail');
        }
        return mailOutage.since;
      },
    };
    app.decorate('mailOutage', mailOutage);
    let timer: NodeJS.Timeout | undefined;
    app.addHook('onListen', async () => {
      timer = setInterval(() => app.mailOutage.refresh(), REFRESH_MS).unref();
      void app.mailOutage.refresh();
    });
    app.addHook('preClose', async () => clearInterval(timer));

    app.queue.events.on('ended', async ({ queue, outcome, error }) => {
      const isRefused = outcome === 'failed' || outcome === 'timed out' || error instanceof SlowDown;
      if (queue !== mailQueue.name || !isRefused) return;
      if (performance.now() - checkedAt < REFRESH_MS) return;
      checkedAt = performance.now();
      const wasReported = isReported;
      isReported = (await app.mailOutage.refresh()) !== undefined;
      if (!isReported || wasReported) return;
      const message = 'Email is waiting, and none is being delivered.';
      await app.raiseAlarm({ title: 'Mail cannot be delivered', message, reference: `queue ${queue}` });
    });
  },
  { name: 'mail-outage', dependencies: ['db', 'queue', 'alarms'] },
);
