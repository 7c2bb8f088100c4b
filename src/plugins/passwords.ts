import { randomBytes } from 'node:crypto';
import { hash, type Options, verify } from '@node-rs/argon2';
import fp from 'fastify-plugin';
import pLimit from 'p-limit';
import { Busy } from '../errors.ts';

declare module 'fastify' {
  interface FastifyInstance {
    passwords: Passwords;
  }
}

/** Both throw Busy when too many wait already. */
export interface Passwords {
  /** The argon2id hash to store, in PHC format, with its own salt. */
  hash(password: string): Promise<string>;
  /**
   * Whether a password belongs to a hash. Without a hash, because there is no such account, the answer is no after
   * the same time, so that the time does not tell whether there is.
   */
  verify(passwordHash: string | undefined, password: string): Promise<boolean>;
}

/**
 * libuv has four threads, which also read files and look up names. Two hashes at once use them half, and hold a
 * flood of log-ins to 38 MiB.
 */
const CONCURRENT_HASHES = 2;

/** How many may wait for their turn: about two seconds' worth. Beyond that, waiting helps nobody. */
const MOST_WAITING = 100;

/** `app.passwords`: hashing off the event loop, and never more than a few at once. */
export default fp(
  async (app) => {
    const limiter = pLimit(CONCURRENT_HASHES);
    const limit = async <Result>(work: () => Promise<Result>): Promise<Result> => {
      if (limiter.pendingCount >= MOST_WAITING) throw new Busy();
      return limiter(work);
    };
    const { memoryKiB, passes } = app.config.passwordHashing;
    const parameters: Options = { memoryCost: memoryKiB, timeCost: passes, parallelism: 1 };
    const hashOfNobody = await hash(randomBytes(32), parameters);
    app.decorate('passwords', {
      hash: (password) => limit(() => hash(password, parameters)),
      async verify(passwordHash, password) {
        const matches = await limit(() => verify(passwordHash ?? hashOfNobody, password));
        return matches && passwordHash !== undefined;
      },
    });
  },
  { name: 'passwords' },
);
