import fp from 'fastify-plugin';
import { Busy } from '../errors.ts';
import { addressKey } from './rate-limits.ts';

declare module 'fastify' {
  interface FastifyInstance {
    uploads: Uploads;
  }
}

/** The sender of an upload. */
export interface Sender {
  readonly accountId: number;
  /** The IP address. */
  readonly address: string;
}

export interface Uploads {
  /**
   * Reads an upload into memory, within limits.
   *
   * @throws Busy if the process is reading too many uploads, too many from the IP address, or another one of the account
   */
  read<Upload>(sender: Sender, read: () => Promise<Upload>): Promise<Upload>;
}

/** Uploads that a process reads at once, one per account. They are in memory. */
const MAX_AT_ONCE = 10;

/** How many of them may come from one IP address, so that slow ones cannot keep everybody else out. */
const MAX_PER_ADDRESS = 4;

/** Provides `app.uploads`. */
export default fp(
  async (app) => {
    /** The IP address of each account. */
    const senders = new Map<number, string>();
    app.decorate('uploads', {
      async read({ accountId, address }, read) {
        const key = addressKey(address);
        const fromThere = [...senders.values()].filter((other) => other === key).length;
        if (senders.size === MAX_AT_ONCE || senders.has(accountId) || fromThere === MAX_PER_ADDRESS)
          throw new Busy();
        senders.set(accountId, key);
        return read().finally(() => senders.delete(accountId));
      },
    });
  },
  { name: 'uploads' },
);
