/** How often something may be done: `points` times in a window of `seconds`. */
export interface RateLimit {
  readonly points: number;
  readonly seconds: number;
}

/** The limits of one action, on each account and on each network address. */
export interface ActionLimits {
  readonly account: RateLimit;
  readonly address: RateLimit;
}

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A school or an office shares one address, so an address may do what this many accounts may. */
const ACCOUNTS_PER_ADDRESS = 10;

/** What one account may do in a window of time, and with it what one address may. */
function perAccount(points: number, seconds: number): ActionLimits {
  return { account: { points, seconds }, address: { points: points * ACCOUNTS_PER_ADDRESS, seconds } };
}

/** All limits. On its first day, an account may do a tenth of what routes declare. */
export const DEFAULT_LIMITS = Object.freeze({
  /** Posts published and changed. */
  post: perAccount(60, HOUR),
  comment: perAccount(120, HOUR),
  /** Following and unfollowing. */
  follow: perAccount(300, HOUR),
  /** Changes to profiles and to the choice of mails. */
  profile: perAccount(60, HOUR),
  /** Previews of a text. */
  preview: perAccount(300, HOUR),
  /** Exports of what an account wrote. */
  export: perAccount(3, DAY),
  /** API tokens made. */
  token: perAccount(60, HOUR),
  /** Passwords tried for one account from one address; and by each browser that has logged in to it before. */
  login: perAccount(10, 15 * MINUTE),
  /** Mails asked for. */
  register: perAccount(5, HOUR),
  resend: perAccount(5, HOUR),
  reset: perAccount(5, HOUR),
  changeEmail: perAccount(5, HOUR),
});

export type LimitedAction = keyof typeof DEFAULT_LIMITS;
export type RateLimits = Readonly<Record<LimitedAction, ActionLimits>>;

/** Passwords tried for one account from all addresses together, by browsers that have never logged in to it. */
export const LOGIN_FROM_ANYWHERE: RateLimit = Object.freeze({ points: 100, seconds: HOUR });

/** An account's requests to the API: ten a second, which no person needs and which leaves a machine to others. */
export const API_RATE_LIMIT: RateLimit = Object.freeze({ points: 600, seconds: MINUTE });

const UNITS: ReadonlyMap<string, number> = new Map([
  ['minute', MINUTE],
  ['hour', HOUR],
  ['day', DAY],
]);

/**
 * Reads how an operator wants the limits.
 *
 * @param changes what an account may do instead of the default, as in `post=30/hour, export=1/day`; a unit is `minute`, `hour` or `day`
 * @returns the limits of all actions, or undefined when `changes` cannot be understood
 */
export function readLimits(changes: string): RateLimits | undefined {
  const limits: Record<LimitedAction, ActionLimits> = { ...DEFAULT_LIMITS };
  for (const change of changes.split(',').map((text) => text.trim())) {
    if (change === '') continue;
    const [, action = '', points, unit = ''] = /^(\w+)=([1-9]\d{0,5})\/(\w+)$/.exec(change) ?? [];
    const seconds = UNITS.get(unit);
    if (!isLimitedAction(action) || seconds === undefined) return undefined;
    limits[action] = perAccount(Number(points), seconds);
  }
  return Object.freeze(limits);
}

function isLimitedAction(name: string): name is LimitedAction {
  return Object.hasOwn(DEFAULT_LIMITS, name);
}
