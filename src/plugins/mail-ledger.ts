import fp from 'fastify-plugin';
import { LRUCache } from 'lru-cache';
import { type Delivery, recordDelivery } from '../domain/mail/ledger.ts';
import { persist } from '../queue/index.ts';

declare module 'fastify' {
  interface FastifyInstance {
    mailLedger: MailLedger;
  }
}

export interface MailLedger {
  /**
   * Durably records that the mail server has accepted a mail. Not batched and ahead of all other statements, because a mail is sent
   * twice if its worker is killed before this.
   */
  record(delivery: Delivery): Promise<void>;
  /**
   * The tokens of mails that the server has not responded to, by job id. They are in memory because the database only has their
   * hashes, so after a restart, or in another worker, the next attempt sends another link.
   */
  readonly unanswered: LRUCache<string, string>;
}

/** Far more than a mail server leaves unanswered at once. */
const MAX_UNANSWERED = 10_000;

/** Provides `app.mailLedger`, which keeps mails from being sent twice. */
export default fp(
  async (app) => {
    app.decorate('mailLedger', {
      record: (delivery) =>
        app.work.run({ label: 'mail ledger', ...app.work.getStore(), isUrgent: true }, () =>
          persist(() => recordDelivery(app.db, delivery)),
        ),
      unanswered: new LRUCache<string, string>({ maxSize: MAX_UNANSWERED, sizeCalculation: () => 1 }),
    });
  },
  { name: 'mail-ledger', dependencies: ['db', 'work'] },
);
