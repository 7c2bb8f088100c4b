/** How many jobs may start in how long, such as `200/hour`. */
export type Rate = `${number}/${RateUnit}`;
type RateUnit = keyof typeof UNIT_SECONDS;

const UNIT_SECONDS = { second: 1, minute: 60, hour: 60 * 60, day: 24 * 60 * 60 } as const;

const RATE = /^\s*([1-9]\d{0,5}|1000000)\s*\/\s*(second|minute|hour|day)\s*$/i;

/** What a rate looks like, for error messages. */
export const RATE_FORMAT = 'a number from 1 to 1000000 per second, minute, hour or day, such as 200/hour';

/** Reads a rate. Undefined if it is not `RATE_FORMAT`. */
export function parseRate(text: string): Rate | undefined {
  const [, jobs, unit] = RATE.exec(text) ?? [];
  const known = UNITS.find((name) => name === unit?.toLowerCase());
  return jobs === undefined || known === undefined ? undefined : `${Number(jobs)}/${known}`;
}

const UNITS: readonly RateUnit[] = ['second', 'minute', 'hour', 'day'];

/** A token bucket: one job may start every `interval` seconds, and up to `burst` at once after a pause. */
export interface Bucket {
  readonly interval: number;
  readonly burst: number;
  /** How early a job may start that was given a time and comes back, because those before it may have been late. */
  readonly tolerance: number;
}

/** The part of a rate that may start at once. */
const BURST = 0.1;

/** Polling notices a job up to a second after it is due. */
const LATE_SECONDS = 1;

/**
 * The bucket that keeps a rate in every window of its length, wherever the window begins: `burst` jobs, and those that become
 * due within the window, are together no more than the rate. So in the long run jobs start at nine tenths of a large rate.
 */
export function bucketOf(rate: Rate): Bucket {
  const [count, unit] = rate.split('/');
  const jobs = Number(count);
  const seconds = UNIT_SECONDS[UNITS.find((name) => name === unit) ?? 'day'];
  const burst = Math.max(1, Math.floor(jobs * BURST));
  const tolerance = Math.min(LATE_SECONDS, seconds / 2);
  return { interval: seconds / (jobs - burst + 1), burst, tolerance };
}

// The state of a bucket is the time at which it will be full again, in seconds, as in the generic cell rate algorithm (ITU-T
// I.371). An unused bucket has none, or one in the past.

/** How many jobs may start now. */
export function available({ interval, burst }: Bucket, fullAt: number, now: number): number {
  const used = Math.max(0, fullAt - now) / interval;
  return Math.max(0, Math.floor(burst - used + ROUNDING));
}

/** For times in floating point. */
const ROUNDING = 1e-6;

/** When the next job may start. */
export function dueAt({ interval, burst }: Bucket, fullAt: number): number {
  return fullAt - (burst - 1) * interval;
}

/** The state after jobs have started. */
export function afterStarting({ interval }: Bucket, fullAt: number, now: number, jobs: number): number {
  return Math.max(fullAt, now) + jobs * interval;
}

/** The state of a key's bucket, and of those who wait for it: when the last of each line is due. */
export interface Turnstile {
  readonly fullAt: number;
  readonly lineUntil: number;
  readonly bulkLineUntil: number;
}

/**
 * Lets a job start now, or gives it a time to come back. Each waiting job gets its own time, so that it comes back once and
 * not whenever another may start. Bulk jobs queue behind the others.
 *
 * @param job.isBack whether it was given a time and comes back
 * @returns the new state, and how many seconds the job must wait; 0 if it may start
 */
export function pass(
  bucket: Bucket,
  state: Turnstile,
  { isBulk, isBack, now }: { isBulk: boolean; isBack: boolean; now: number },
): { state: Turnstile; seconds: number } {
  const { fullAt, lineUntil, bulkLineUntil } = state;
  const due = dueAt(bucket, fullAt);
  const line = isBulk ? Math.max(lineUntil, bulkLineUntil) : lineUntil;
  const mayStart = isBack ? due <= now + bucket.tolerance : due <= now && line <= now;
  if (mayStart) return { state: { ...state, fullAt: afterStarting(bucket, fullAt, now, 1) }, seconds: 0 };
  const slot = Math.max(due, line + bucket.interval);
  const lines = isBulk ? { bulkLineUntil: slot } : { lineUntil: slot };
  return { state: { ...state, ...lines }, seconds: Math.max(slot - now, ROUNDING) };
}
