import fp from 'fastify-plugin';
import { Batcher } from '../database/batcher.ts';
import { persist } from '../database/persist.ts';
import { type Delivery, recordDeliveries } from '../domain/mail/ledger.ts';

declare module 'fastify' {
  interface FastifyInstance {
    mailLedger: MailLedger;
  }
}

export interface MailLedger {
  /** Records durably that the mail server has accepted a mail. Concurrent mails share one statement. */
  record(delivery: Delivery): Promise<void>;
}

/** Provides `app.mailLedger`, which keeps mails from being sent twice. */
export default fp(
  async (app) => {
    const batcher = new Batcher((deliveries: readonly Delivery[]) =>
      persist(() => recordDeliveries(app.db, deliveries)),
    );
    app.decorate('mailLedger', { record: (delivery) => batcher.add(delivery) });
  },
  { name: 'mail-ledger', dependencies: ['db'] },
);
