import { createHash } from 'node:crypto';
import type { FastifyInstance, preHandlerAsyncHookHandler } from 'fastify';
import fp from 'fastify-plugin';
import ipaddr from 'ipaddr.js';
import { RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible';
import { canonicalEmail } from '../domain/accounts/email.ts';
import { TooManyRequests } from '../errors.ts';
import type { LimitedAction, RateLimit } from '../limits.ts';
import { currentUser } from './web/session.ts';

declare module 'fastify' {
  interface FastifyInstance {
    rateLimits: RateLimits;
  }
  interface FastifyContextConfig {
    /** What a request to this route counts as, for the account that makes it. Pages and the API share one count. */
    readonly limit?: LimitedAction;
  }
}

/** Who acts, and from where. */
export interface Actor {
  /** The account's id; or the email address that was typed, where no account is known. */
  readonly account: number | string;
  /** The network address. */
  readonly address: string;
  /** Whether the account is in its first day: then each try counts ten times. */
  readonly isNew?: boolean;
  /**
   * For `login` alone: what names this browser, if it has logged in to this very account before. It then has tries of
   * its own, which nobody else can use up. The caller vouches that the browser could not have made the name up.
   */
  readonly device?: string | undefined;
}

export interface RateLimits {
  /**
   * Counts one try, in PostgreSQL, so that it is one limit over all processes. Most routes declare their `limit`
   * instead; this is for those that must first read who is meant.
   *
   * @throws TooManyRequests when the account or the address has used up its tries
   */
  consume(action: LimitedAction, actor: Actor): Promise<void>;
  /** The try was rightful: forgets the account's tries, and takes this one off what is counted more widely. */
  forgive(action: LimitedAction, actor: Actor): Promise<void>;
}

/** One row of the table: a limit, on somebody. */
interface Counter {
  readonly limiter: RateLimiterPostgres;
  readonly key: string;
  readonly cost: number;
  /** Whether it counts nobody's tries but this actor's own. */
  readonly isOwn: boolean;
}

/** What an account's tries count on its first day. */
const COST_WHEN_NEW = 10;

/** Who does these can name any account, so the address is counted first: a flood then makes no rows of its own. */
const ANYBODYS: ReadonlySet<LimitedAction> = new Set(['login', 'register', 'resend', 'reset']);

/** `app.rateLimits`, and what routes declare as their `limit`. Loopback is limited like everyone. */
export default fp(
  async (app) => {
    if (!app.config.rateLimitsEnabled) {
      app.log.warn('RATE_LIMITS is off: nothing limits how fast passwords can be guessed');
      app.decorate('rateLimits', { consume: async () => {}, forgive: async () => {} });
      return;
    }

    const countersOf = countersIn(app);
    app.decorate('rateLimits', {
      async consume(action, actor) {
        try {
          for (const { limiter, key, cost } of countersOf(action, actor)) await limiter.consume(key, cost);
        } catch (refusal) {
          if (!(refusal instanceof RateLimiterRes)) throw refusal;
          throw new TooManyRequests(Math.max(1, Math.ceil(refusal.msBeforeNext / 1000)));
        }
      },
      async forgive(action, actor) {
        const counters = countersOf(action, actor);
        await Promise.all(
          counters.map(({ limiter, key, cost, isOwn }) =>
            isOwn ? limiter.delete(key) : limiter.reward(key, cost),
          ),
        );
      },
    });
    app.addHook('onRoute', (route) => {
      const action = route.config?.limit;
      if (action === undefined) return;
      route.preHandler = [countRequest(app.rateLimits, action), route.preHandler ?? []].flat();
    });
  },
  { name: 'rate-limits', dependencies: ['db'] },
);

/** Makes a hook that counts a request for whoever is logged in, a post's preview as a preview. */
function countRequest(rateLimits: RateLimits, action: LimitedAction): preHandlerAsyncHookHandler {
  return async (request) => {
    const { id, isNew } = request.caller ?? currentUser(request);
    const isPreview = action === 'post' && 'preview' in Object(request.body);
    await rateLimits.consume(isPreview ? 'preview' : action, { account: id, address: request.ip, isNew });
  };
}

/** Which counters a try is counted in, in this order, until one refuses. */
function countersIn(app: FastifyInstance) {
  const { rateLimits, loginFromAnywhere } = app.config;
  const limiters = new Map<string, RateLimiterPostgres>();
  const counter = (name: string, limit: RateLimit, key: string): Counter => {
    const limiter = limiters.get(name) ?? makeLimiter(app, name, limit);
    limiters.set(name, limiter);
    return { limiter, key, cost: 1, isOwn: false };
  };

  return (action: LimitedAction, { account, address, isNew = false, device }: Actor): Counter[] => {
    const limits = rateLimits[action];
    const who = typeof account === 'number' ? String(account) : hash(canonicalEmail(account));
    const where = addressKey(address);
    const own = (key: string): Counter => ({
      ...counter(`${action}-account`, limits.account, key),
      cost: isNew ? Math.min(COST_WHEN_NEW, limits.account.points) : 1,
      isOwn: true,
    });
    const ofAddress = counter(`${action}-address`, limits.address, where);

    if (action !== 'login') return ANYBODYS.has(action) ? [ofAddress, own(who)] : [own(who), ofAddress];
    if (device !== undefined) return [own(`${who} ${hash(device)}`)];
    return [ofAddress, own(`${who} ${where}`), counter('login-anywhere', loginFromAnywhere, who)];
  };
}

function makeLimiter({ pool }: FastifyInstance, name: string, { points, seconds }: RateLimit) {
  return new RateLimiterPostgres({
    storeClient: pool,
    storeType: 'pool',
    tableName: 'rate_limits',
    tableCreated: true,
    clearExpiredByTimeout: false, // The job that prunes does it, once for all processes.
    keyPrefix: name,
    points,
    duration: seconds,
    // Who is over the limit stays so to the window's end, and need not be counted: a flood costs no queries.
    inMemoryBlockOnConsumed: points + 1,
  });
}

/** The table need not hold the email addresses of people who have no account. */
function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** One person has a whole IPv6 /64 to send from, so it counts as one address; and all that is no address as another. */
function addressKey(address: string): string {
  if (!ipaddr.isValid(address)) return 'unknown';
  const parsed = ipaddr.process(address);
  if (parsed instanceof ipaddr.IPv4) return parsed.toString();
  return `${parsed.parts
    .slice(0, 4)
    .map((part) => part.toString(16))
    .join(':')}::/64`;
}
