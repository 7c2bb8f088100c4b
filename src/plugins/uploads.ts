import fp from 'fastify-plugin';
import { Busy } from '../errors.ts';

declare module 'fastify' {
  interface FastifyInstance {
    uploads: Uploads;
  }
}

export interface Uploads {
  /**
   * Reads an upload into memory while few others are read.
   *
   * @throws Busy if the process reads too many, or another one of the same account
   */
  read<Upload>(accountId: number, read: () => Promise<Upload>): Promise<Upload>;
}

/** Uploads that a process reads at once, each of another account. They are in memory. */
const MAX_AT_ONCE = 10;

/** Provides `app.uploads`. */
export default fp(
  async (app) => {
    const accounts = new Set<number>();
    app.decorate('uploads', {
      async read(accountId, read) {
        if (accounts.size === MAX_AT_ONCE || accounts.has(accountId)) throw new Busy();
        accounts.add(accountId);
        return read().finally(() => accounts.delete(accountId));
      },
    });
  },
  { name: 'uploads' },
);
