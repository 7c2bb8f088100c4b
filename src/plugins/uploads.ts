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
   * @throws Busy if the process reads too many, or too many of the same account
   */
  read<Upload>(accountId: number, read: () => Promise<Upload>): Promise<Upload>;
}

/** Uploads that a process reads at once. Each is in memory, up to twice. */
const MAX_AT_ONCE = 10;

/** So that slow uploads of one account do not keep others out. */
const MAX_PER_ACCOUNT = 2;

/** Provides `app.uploads`. */
export default fp(
  async (app) => {
    const accounts: number[] = [];
    app.decorate('uploads', {
      async read(accountId, read) {
        const own = accounts.filter((id) => id === accountId);
        if (accounts.length >= MAX_AT_ONCE || own.length >= MAX_PER_ACCOUNT) throw new Busy();
        accounts.push(accountId);
        try {
          return await read();
        } finally {
          accounts.splice(accounts.indexOf(accountId), 1);
        }
      },
    });
  },
  { name: 'uploads' },
);
