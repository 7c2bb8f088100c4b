import { randomBytes } from 'node:crypto';
import { hash, type Options, verify } from '@node-rs/argon2';
import fp from 'fastify-plugin';
import pLimit from 'p-limit';
import { Busy } from '../errors.ts';
import { withoutDatabase } from './work.ts';

declare module 'fastify' {
  interface FastifyInstance {
    passwords: Passwords;
  }
}

/** Both methods throw Busy if too many passwords are waiting. */
export interface Passwords {
  /** Returns an argon2id hash with its own salt, in PHC format. */
  hash(password: string): Promise<string>;
  /**
   * Whether a password matches a hash. Without a hash, returns false after the same time, so that the time does not reveal
   * whether an account exists.
   */
  verify(passwordHash: string | undefined, password: string): Promise<boolean>;
}

/**
 * libuv has four threads, which also read files and resolve host names. Two concurrent hashes use half of them and 38 MiB,
 * even under a flood of log-ins.
 */
const CONCURRENT_HASHES = 2;

/** Passwords that may wait, for about two seconds. */
const MAX_WAITING = 100;

/** Provides `app.passwords`, which hashes off the event loop and limits concurrency. */
export default fp(
  async (app) => {
    const limiter = pLimit(CONCURRENT_HASHES);
    const limit = async <Result>(work: () => Promise<Result>): Promise<Result> => {
      if (limiter.pendingCount >= MAX_WAITING) throw new Busy();
      return withoutDatabase(app, () => limiter(work));
    };
    const { memoryKiB, passes } = app.config.passwordHashing;
    const parameters: Options = { memoryCost: memoryKiB, timeCost: passes, parallelism: 1 };
    const dummyHash = await hash(randomBytes(32), parameters);
    app.decorate('passwords', {
      hash: (password) => limit(() => hash(password, parameters)),
      async verify(passwordHash, password) {
        const matches = await limit(() => verify(passwordHash ?? dummyHash, password));
        return matches && passwordHash !== undefined;
      },
    });
  },
  { name: 'passwords', dependencies: ['work'] },
);
