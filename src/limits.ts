/** A limit of `points` in a window of `seconds`. */
export interface RateLimit {
  readonly points: number;
  readonly seconds: number;
}

/** The limits of one action, per account and per IP address. */
export interface ActionLimits {
  readonly account: RateLimit;
  readonly address: RateLimit;
}

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Schools and offices share one IP address, which may do as much as this many accounts. */
const ACCOUNTS_PER_ADDRESS = 10;

/** An account's limit, and the IP address's limit derived from it. */
function perAccount(points: number, seconds: number): ActionLimits {
  return { account: { points, seconds }, address: { points: points * ACCOUNTS_PER_ADDRESS, seconds } };
}

/** All limits. On its first day, an account may do a tenth as much. */
export const DEFAULT_LIMITS = Object.freeze({
  /** Publishing and editing posts. */
  post: perAccount(60, HOUR),
  /** Publishing and editing comments. */
  comment: perAccount(120, HOUR),
  /** Saving drafts, which browsers do after each pause in typing. */
  draft: perAccount(3_000, HOUR),
  /** Reports to the moderators. */
  report: perAccount(30, HOUR),
  /** Following, muting and blocking people, and undoing each. */
  follow: perAccount(300, HOUR),
  /** Marking notifications as read. */
  read: perAccount(600, HOUR),
  /** Likes and bookmarks, and undoing them. */
  like: perAccount(300, HOUR),
  /** Changes to profiles and mail settings, and cancelled exports. */
  profile: perAccount(60, HOUR),
  /** Uploaded profile pictures. */
  picture: perAccount(30, HOUR),
  /** Images for posts. */
  image: perAccount(120, HOUR),
  /** Previews, which wide windows fetch after each longer pause in typing. */
  preview: perAccount(1_000, HOUR),
  /** Autocompletion of names. */
  complete: perAccount(3_000, HOUR),
  /** Searches, which cost more than other pages. */
  search: perAccount(60, MINUTE),
  /** Data exports. */
  export: perAccount(3, DAY),
  /** Imports of other sites' exports. */
  import: perAccount(5, DAY),
  /** New API tokens. */
  token: perAccount(60, HOUR),
  /** Password attempts on an account from one IP address, or from one browser that has logged in to it before. */
  login: perAccount(10, 15 * MINUTE),
  /** Attempts at a code from an app, after the right password. Six digits need a lower limit than a password. */
  code: perAccount(10, HOUR),
  /** Attempts at a recovery code. These codes are too long to guess. */
  recoveryCode: perAccount(10, HOUR),
  /** Passkey challenges, each of which is stored. */
  passkey: perAccount(60, HOUR),
  /** Log-ins with the right password to an account from one IP address. Each is stored. */
  session: perAccount(60, HOUR),
  /** Registrations, which send mail like the next three. */
  register: perAccount(5, HOUR),
  /** Confirmation links sent again. */
  resend: perAccount(5, HOUR),
  /** Links to reset a password. */
  reset: perAccount(5, HOUR),
  /** Links to change the email address. */
  changeEmail: perAccount(5, HOUR),
  /** Subscriptions by email. Only the IP address's limit applies to visitors without an account. */
  subscribe: perAccount(10, HOUR),
});

export type LimitedAction = keyof typeof DEFAULT_LIMITS;
export type RateLimits = Readonly<Record<LimitedAction, ActionLimits>>;

/** Password attempts on an account from all IP addresses together, by browsers that have never logged in to it. */
export const LOGIN_FROM_ANYWHERE: RateLimit = Object.freeze({ points: 100, seconds: HOUR });

/**
 * Attempts at a code on an account from all IP addresses together, by browsers that have never logged in to it. Three of a
 * million codes are valid at a time, so guessing for a year succeeds with a probability of 2 %.
 */
export const CODE_FROM_ANYWHERE: RateLimit = Object.freeze({ points: 20, seconds: DAY });

/** API requests per account: ten a second on average, more than a person needs and little for the server. */
export const API_RATE_LIMIT: RateLimit = Object.freeze({ points: 600, seconds: MINUTE });

const UNITS: ReadonlyMap<string, number> = new Map([
  ['minute', MINUTE],
  ['hour', HOUR],
  ['day', DAY],
]);

/**
 * Reads an operator's changes to the limits.
 *
 * @param changes limits per account, e.g. `post=30/hour, export=1/day`; units are `minute`, `hour` and `day`
 * @returns the limits of all actions, or undefined if `changes` is invalid
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
