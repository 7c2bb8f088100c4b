import fp from 'fastify-plugin';
import { type Delivery, recordDeliveries } from '../domain/mail/ledger.ts';
import { type MailRequest, type PreparedMail, prepareMails } from '../domain/mail/prepare.ts';
import { Group } from '../group.ts';
import { persist } from '../persist.ts';

declare module 'fastify' {
  interface FastifyInstance {
    mailStore: MailStore;
  }
}

/** The database as the mail job uses it. Jobs that run side by side share their statements. */
export interface MailStore {
  /** What a mail needs before it can be written: see `prepareMails`. */
  prepare(request: MailRequest): Promise<PreparedMail>;
  /** Writes down, for good, that the mail server has accepted a mail. */
  record(delivery: Delivery): Promise<void>;
}

/** `app.mailStore`. */
export default fp(
  async (app) => {
    const { db } = app;
    const preparations = new Group((requests: readonly MailRequest[]) => prepareMails(db, requests));
    const deliveries = new Group(async (accepted: readonly Delivery[]) => {
      await persist(() => recordDeliveries(db, accepted));
      return accepted;
    });
    app.decorate('mailStore', {
      prepare: (request) => preparations.add(request),
      async record(delivery) {
        await deliveries.add(delivery);
      },
    });
  },
  { name: 'mail-store', dependencies: ['db'] },
);
