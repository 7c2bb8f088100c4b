import { hash } from 'node:crypto';
import type { FastifyInstance, preHandlerAsyncHookHandler } from 'fastify';
import fp from 'fastify-plugin';
import ipaddr from 'ipaddr.js';
import { CompiledQuery } from 'kysely';
import { RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible';
import { canonicalEmail } from '../domain/accounts/email.ts';
import { TooManyRequests } from '../errors.ts';
import type { LimitedAction, RateLimit } from '../limits.ts';

declare module 'fastify' {
  interface FastifyInstance {
    rateLimits: RateLimiter;
  }
  interface FastifyContextConfig {
    /** The limit that a request to this route counts towards. Pages and the API share it. */
    readonly limit?: LimitedAction;
    /** Whether a request with the field `preview` only previews a text. It counts as `preview`. */
    readonly hasPreview?: boolean;
  }
}

/** The account and IP address that make an attempt. */
export interface Actor {
  /** The account's id, or the email address that a visitor entered. Undefined to count the IP address alone. */
  readonly account: number | string | undefined;
  /** The IP address. */
  readonly address: string;
  /** Whether it is the account's first day, when each attempt counts ten times. */
  readonly isNew?: boolean;
  /**
   * Only for `login` and `code`: the verified token of a browser that has logged in to this account before. Its attempts are
   * counted separately, so nobody else can use them up.
   */
  readonly device?: string | undefined;
}

interface RateLimiter {
  /**
   * Counts an attempt in PostgreSQL, so that limits hold across all processes. Most routes declare their `limit`
   * instead; this is for routes that must first read the account from the request.
   *
   * @throws TooManyRequests if the account or IP address has no attempts left
   */
  consume(action: LimitedAction, actor: Actor): Promise<void>;
  /** Call it after a successful attempt. Resets the account's own count, and subtracts the attempt from the shared counts. */
  forgive(action: LimitedAction, actor: Actor): Promise<void>;
}

/** A counter, which is a row of the table. */
interface Counter {
  readonly limiter: RateLimiterPostgres;
  readonly key: string;
  readonly cost: number;
  /** Whether it only counts this actor's attempts. */
  readonly isOwn: boolean;
}

/** How many times an attempt counts on an account's first day. */
const COST_WHEN_NEW = 10;

/** Here, anyone can name any account. The IP address is counted first, so that a flood does not add a row per account. */
const UNAUTHENTICATED: ReadonlySet<LimitedAction> = new Set([
  'login',
  'passkey',
  'register',
  'resend',
  'reset',
]);

/** Provides `app.rateLimits`, and enforces the limits that routes declare. Loopback addresses are limited too. */
export default fp(
  async (app) => {
    if (!app.config.rateLimitsEnabled) {
      app.log.warn('RATE_LIMITS is off: passwords can be guessed without limit');
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
      const { limit, hasPreview = false } = route.config ?? {};
      if (limit === undefined) return;
      route.preHandler = [countRequest(app.rateLimits, limit, hasPreview), route.preHandler ?? []].flat();
    });
  },
  { name: 'rate-limits', dependencies: ['db'] },
);

/**
 * Makes a hook that counts a request for the logged-in user or the visitor's IP address. New accounts may search as often as
 * others.
 */
function countRequest(
  rateLimits: RateLimiter,
  action: LimitedAction,
  hasPreview: boolean,
): preHandlerAsyncHookHandler {
  return async (request) => {
    const isPreview = hasPreview && 'preview' in Object(request.body);
    const counted = isPreview ? 'preview' : action;
    const user = request.caller ?? request.session?.user ?? null;
    const isNew = user?.isNew === true && action !== 'search';
    await rateLimits.consume(counted, { account: user?.id, address: request.ip, isNew });
  };
}

/** Returns the counters of an attempt. They are consumed in this order until one refuses. */
function countersIn(app: FastifyInstance) {
  const { rateLimits, loginFromAnywhere, codeFromAnywhere } = app.config;
  const fromAnywhere = { login: loginFromAnywhere, code: codeFromAnywhere };
  const limiters = new Map<string, RateLimiterPostgres>();
  const counter = (name: string, limit: RateLimit, key: string): Counter => {
    const limiter = limiters.get(name) ?? makeLimiter(app, name, limit);
    limiters.set(name, limiter);
    return { limiter, key, cost: 1, isOwn: false };
  };

  return (action: LimitedAction, { account, address, isNew = false, device }: Actor): Counter[] => {
    const limits = rateLimits[action];
    const where = addressKey(address);
    const ofAddress = counter(`${action}-address`, limits.address, where);
    if (account === undefined) return [ofAddress];
    // Hashed, to keep email addresses and tokens out of the table.
    const who = typeof account === 'number' ? String(account) : hash('sha256', canonicalEmail(account));
    const own = (key: string): Counter => ({
      ...counter(`${action}-account`, limits.account, key),
      cost: isNew ? Math.min(COST_WHEN_NEW, limits.account.points) : 1,
      isOwn: true,
    });

    if (action === 'session' || action === 'recoveryCode') return [own(`${who} ${where}`), ofAddress];
    if (action !== 'login' && action !== 'code')
      return UNAUTHENTICATED.has(action) ? [ofAddress, own(who)] : [own(who), ofAddress];
    if (device !== undefined) return [own(`${who} ${hash('sha256', device)}`)];
    return [ofAddress, own(`${who} ${where}`), counter(`${action}-anywhere`, fromAnywhere[action], who)];
  };
}

function makeLimiter({ db }: FastifyInstance, name: string, { points, seconds }: RateLimit) {
  return new RateLimiterPostgres({
    // Through `db`, which keeps to the request's deadline.
    storeClient: {
      async query({ text, values }: { text: string; values: unknown[] }) {
        const { rows, numAffectedRows } = await db.executeQuery(CompiledQuery.raw(text, values));
        return { rows, rowCount: Number(numAffectedRows ?? rows.length) };
      },
    },
    storeType: 'client',
    tableName: 'rate_limits',
    tableCreated: true,
    clearExpiredByTimeout: false, // The prune job does it for all processes.
    keyPrefix: name,
    points,
    duration: seconds,
    // Once over the limit, attempts are refused from memory until the window ends, so a flood costs no queries.
    inMemoryBlockOnConsumed: points + 1,
  });
}

/** An IPv6 /64 counts as one address, because one person can use all of it. Invalid addresses share a key. */
export function addressKey(address: string): string {
  if (!ipaddr.isValid(address)) return 'unknown';
  const parsed = ipaddr.process(address);
  if (parsed instanceof ipaddr.IPv4) return parsed.toString();
  return `${parsed.parts
    .slice(0, 4)
    .map((part) => part.toString(16))
    .join(':')}::/64`;
}
