import { createHash } from 'node:crypto';
import fp from 'fastify-plugin';
import ipaddr from 'ipaddr.js';
import { RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible';
import type { Config, RateLimit } from '../config.ts';
import { TooManyRequests } from '../errors.ts';

declare module 'fastify' {
  interface FastifyInstance {
    rateLimits: RateLimits;
  }
}

export type LimitedAction = keyof Config['rateLimits'];

/** Who acts: the account (an email address, existing or not) and the network address it comes from. */
export interface Actor {
  readonly account: string;
  readonly address: string;
}

export interface RateLimits {
  /**
   * Counts one try, in PostgreSQL, so that it is one limit over all processes.
   *
   * @throws TooManyRequests when the account or the address has used up its tries
   */
  consume(action: LimitedAction, actor: Actor): Promise<void>;
  /** The try was rightful: forgets the account's count and gives the address its point back. */
  forgive(action: LimitedAction, actor: Actor): Promise<void>;
}

/** `app.rateLimits`. Loopback is limited like everyone; `RATE_LIMITS=off` is for load tests and says so at start. */
export default fp(
  async (app) => {
    if (!app.config.rateLimitsEnabled) {
      app.log.warn('RATE_LIMITS is off: passwords can be guessed without limit');
      app.decorate('rateLimits', { consume: async () => {}, forgive: async () => {} });
      return;
    }

    const limiter = (name: string, { points, seconds }: RateLimit) =>
      new RateLimiterPostgres({
        storeClient: app.pool,
        storeType: 'pool',
        tableName: 'rate_limits',
        tableCreated: true,
        keyPrefix: name,
        points,
        duration: seconds,
        // Who is over the limit stays so to the window's end, and need not be counted: a flood costs no queries.
        inMemoryBlockOnConsumed: points + 1,
      });
    const limitersOf = (action: LimitedAction) => ({
      account: limiter(`${action}-account`, app.config.rateLimits[action].account),
      address: limiter(`${action}-address`, app.config.rateLimits[action].address),
    });
    const limiters = {
      login: limitersOf('login'),
      register: limitersOf('register'),
      resend: limitersOf('resend'),
      reset: limitersOf('reset'),
      changeEmail: limitersOf('changeEmail'),
    } satisfies Record<LimitedAction, unknown>;

    app.decorate('rateLimits', {
      async consume(action, actor) {
        try {
          await limiters[action].address.consume(addressKey(actor.address));
          await limiters[action].account.consume(accountKey(actor.account));
        } catch (refusal) {
          if (!(refusal instanceof RateLimiterRes)) throw refusal;
          throw new TooManyRequests(Math.max(1, Math.ceil(refusal.msBeforeNext / 1000)));
        }
      },
      async forgive(action, actor) {
        await Promise.all([
          limiters[action].account.delete(accountKey(actor.account)),
          limiters[action].address.reward(addressKey(actor.address)),
        ]);
      },
    });
  },
  { name: 'rate-limits', dependencies: ['db'] },
);

/** Accounts are counted under a hash: the table need not hold the addresses of people who have no account. */
function accountKey(account: string): string {
  return createHash('sha256').update(account.toLowerCase()).digest('hex');
}

/** One person has a whole IPv6 /64 to send from, so it counts as one address. */
function addressKey(address: string): string {
  const parsed = ipaddr.process(address);
  return parsed instanceof ipaddr.IPv6
    ? ipaddr.IPv6.networkAddressFromCIDR(`${parsed.toNormalizedString()}/64`).toNormalizedString()
    : parsed.toString();
}
