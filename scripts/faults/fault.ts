import type { Load } from './load.ts';
import type { Site } from './site.ts';

/** What visitors may notice. */
export type Readers =
  /** Nothing: every request succeeds. */
  | 'nothing'
  /** Cached pages are still served, possibly stale. Everything else succeeds, or is refused in time with a 503 and Retry-After. */
  | 'stale or 503'
  /** At most a broken connection; the next request succeeds. */
  | 'a broken connection'
  /** The same, and other requests are refused in time because of locks. Cached pages are still served. */
  | 'a broken connection or a 503';

/** Ends a fault. */
export type End = () => unknown;

/** Something that goes wrong, and what is promised meanwhile and afterwards. */
export interface Fault {
  /** In kebab-case, for `--only`. */
  readonly name: string;
  readonly readers: Readers;
  /** How long it lasts, in seconds; default DEFAULT_SECONDS. 0 if it ends at once. */
  readonly seconds?: number;
  /** How many mails may arrive twice. Default 0. */
  readonly twice?: number;
  /** Within how many seconds everything must have recovered. Default RECOVERY_SECONDS. */
  readonly recovers?: number;
  /** Why it cannot be tried on this machine; undefined if it can. */
  impossible?(site: Site): string | undefined;
  /** Changes the site beforehand. Returns a function that changes it back. */
  prepare?(site: Site): Promise<End | undefined>;
  /** Causes the fault. Returns a function that ends it. */
  cause(site: Site): Promise<End | undefined> | End | undefined;
  /** Checks promises specific to this fault. Returns the broken ones. */
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
