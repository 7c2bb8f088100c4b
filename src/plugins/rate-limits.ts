import { createHash } from 'node:crypto';
import type { FastifyInstance, preHandlerAsyncHookHandler } from 'fastify';
import fp from 'fastify-plugin';
import ipaddr from 'ipaddr.js';
import { CompiledQuery } from 'kysely';
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
    /** The limit that a request to this route counts towards. Pages and the API share it. */
    readonly limit?: LimitedAction;
  }
}

/** The account and IP address that make an attempt. */
export interface Actor {
  /** The account's id, or the email address if nobody is logged in. */
  readonly account: number | string;
  /** The IP address. */
  readonly address: string;
  /** Whether the account is in its first day, when each attempt counts ten times. */
  readonly isNew?: boolean;
  /**
   * Only for `login` and `code`: the verified token of a browser that has logged in to this account before. It has its own
   * attempts, which nobody else can use up.
   */
  readonly device?: string | undefined;
}

export interface RateLimits {
  /**
   * Counts an attempt in PostgreSQL, so that limits hold across all processes. Most routes declare their `limit`
   * instead; this is for routes that must first read the account from the request.
   *
   * @throws TooManyRequests if the account or IP address has no attempts left
   */
  consume(action: LimitedAction, actor: Actor): Promise<void>;
  /** After a successful attempt: resets the account's own count and takes the attempt off the shared counts. */
  forgive(action: LimitedAction, actor: Actor): Promise<void>;
}

/** A row of the table. */
interface Counter {
  readonly limiter: RateLimiterPostgres;
  readonly key: string;
  readonly cost: number;
  /** Whether it only counts this actor's attempts. */
  readonly isOwn: boolean;
}

/** How often an attempt counts on an account's first day. */
const COST_WHEN_NEW = 10;

/** Anyone can name any account here. So the IP address is counted first, to keep a flood from adding a row per account. */
const UNAUTHENTICATED: ReadonlySet<LimitedAction> = new Set(['login', 'register', 'resend', 'reset']);

/** Provides `app.rateLimits` and enforces the `limit` that routes declare. Loopback is limited too. */
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
      const action = route.config?.limit;
      if (action === undefined) return;
      route.preHandler = [countRequest(app.rateLimits, action), route.preHandler ?? []].flat();
    });
  },
  { name: 'rate-limits', dependencies: ['db'] },
);

/** Makes a hook that counts a request for the logged-in user. Previewing a text counts as `preview`. */
function countRequest(rateLimits: RateLimits, action: LimitedAction): preHandlerAsyncHookHandler {
  return async (request) => {
    const { id, isNew } = request.caller ?? currentUser(request);
    const isText = action === 'post' || action === 'comment';
    const isPreview = isText && 'preview' in Object(request.body);
    await rateLimits.consume(isPreview ? 'preview' : action, { account: id, address: request.ip, isNew });
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
    const who = typeof account === 'number' ? String(account) : hash(canonicalEmail(account));
    const where = addressKey(address);
    const own = (key: string): Counter => ({
      ...counter(`${action}-account`, limits.account, key),
      cost: isNew ? Math.min(COST_WHEN_NEW, limits.account.points) : 1,
      isOwn: true,
    });
    const ofAddress = counter(`${action}-address`, limits.address, where);

    if (action === 'session' || action === 'recoveryCode') return [own(`${who} ${where}`), ofAddress];
    if (action !== 'login' && action !== 'code')
      return UNAUTHENTICATED.has(action) ? [ofAddress, own(who)] : [own(who), ofAddress];
    if (device !== undefined) return [own(`${who} ${hash(device)}`)];
    return [ofAddress, own(`${who} ${where}`), counter(`${action}-anywhere`, fromAnywhere[action], who)];
  };
}

function makeLimiter({ db }: FastifyInstance, name: string, { points, seconds }: RateLimit) {
  return new RateLimiterPostgres({
    // Not the pool itself, because `db` keeps to the request's deadline.
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

/** Keeps email addresses of people without an account out of the table. */
function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
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
