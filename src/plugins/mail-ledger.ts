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
  /** Writes down, for good, that the mail server has accepted a mail. Mails sent side by side share one statement. */
  record(delivery: Delivery): Promise<void>;
}

/** `app.mailLedger`: what has been sent, so that no mail is sent twice. */
export default fp(
  async (app) => {
    const batcher = new Batcher((deliveries: readonly Delivery[]) =>
      persist(() => recordDeliveries(app.db, deliveries)),
    );
    app.decorate('mailLedger', { record: (delivery) => batcher.add(delivery) });
  },
  { name: 'mail-ledger', dependencies: ['db'] },
);
