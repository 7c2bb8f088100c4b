import type { Load } from './load.ts';
import type { Site } from './site.ts';

/** What visitors may notice. */
export type Readers =
  /** Nothing: every request succeeds. */
  | 'nothing'
  /** Cached pages go on, possibly stale. Everything else succeeds, or is refused in time with a 503 and Retry-After. */
  | 'stale or 503'
  /** No more than a connection that breaks off; the next request succeeds. */
  | 'a broken connection'
  /** The same, and others are refused in time because of locks. Cached pages go on. */
  | 'a broken connection or a 503';

/** Ends what a cause has begun. */
export type End = () => unknown;

/** Something that goes wrong, and what is promised meanwhile and afterwards. */
export interface Fault {
  /** In kebab-case, for `--only`. */
  readonly name: string;
  readonly readers: Readers;
  /** How long it lasts, in seconds; by default DEFAULT_SECONDS. 0 if it is over at once. */
  readonly seconds?: number;
  /** How many mails may arrive twice: none by default. */
  readonly twice?: number;
  /** After how many seconds everything must be well again, if not RECOVERY_SECONDS. */
  readonly recovers?: number;
  /** Why it cannot be tried on this machine; undefined if it can. */
  impossible?(site: Site): string | undefined;
  /** Changes the site before, while all is well. Returns what changes it back. */
  prepare?(site: Site): Promise<End | undefined>;
  /** Makes it go wrong. Returns what makes it right again. */
  cause(site: Site): Promise<End | undefined> | End | undefined;
  /** Promises of this fault alone. Returns those that were broken. */
  check?(site: Site, period: Period): Promise<string[]> | string[];
}

/** From the cause to its end, on the clock of `performance.now()`. */
export interface Period {
  readonly load: Load;
  readonly causedAt: number;
  readonly endedAt: number;
}

export const DEFAULT_SECONDS = 5;
export const RECOVERY_SECONDS = 5;

/** How long a response may take to a request that reads or changes something: its deadline, and a little more. */
export const LIMIT_MS = { reading: 2_000, changing: 3_500 };
