import { setImmediate as nextTurn } from 'node:timers/promises';
import fp from 'fastify-plugin';
import { LRUCache } from 'lru-cache';
import { persist } from '../database/persist.ts';
import { type Delivery, recordDeliveries } from '../domain/mail/ledger.ts';

declare module 'fastify' {
  interface FastifyInstance {
    mailLedger: MailLedger;
  }
}

export interface MailLedger {
  /**
   * Records durably that the mail server has accepted a mail. A mail is sent twice if its worker is killed before this, so
   * nothing waits for a batch to fill: only mails that are accepted in the same turn of the event loop share a write.
   */
  record(delivery: Delivery): Promise<void>;
  /**
   * The tokens of mails for which the server has not answered, by the ids of their jobs. In memory, because the database
   * has only their hashes: after a restart, or in another worker, the next attempt sends another link.
   */
  readonly unanswered: LRUCache<string, string>;
}

/** Far more than a mail server leaves unanswered at once. */
const MAX_UNANSWERED = 10_000;

/** Provides `app.mailLedger`, which keeps mails from being sent twice. */
export default fp(
  async (app) => {
    app.decorate('mailLedger', {
      record: byTurn<Delivery>((deliveries) => persist(() => recordDeliveries(app.db, deliveries))),
      unanswered: new LRUCache<string, string>({ max: MAX_UNANSWERED }),
    });
  },
  { name: 'mail-ledger', dependencies: ['db'] },
);

/** Makes a function that collects the items of one turn of the event loop and writes them together. */
function byTurn<Item>(write: (items: readonly Item[]) => Promise<void>): (item: Item) => Promise<void> {
  let current: { readonly items: Item[]; readonly written: Promise<void> } | undefined;
  return (item) => {
    current ??= begin();
    current.items.push(item);
    return current.written;
  };

  function begin() {
    const items: Item[] = [];
    const written = nextTurn().then(() => {
      current = undefined;
      return write(items);
    });
    return { items, written };
  }
}
