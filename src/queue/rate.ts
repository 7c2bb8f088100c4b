/** How many jobs may start per unit of time, such as `200/hour`. */
export type Rate = `${number}/${RateUnit}`;
type RateUnit = keyof typeof UNIT_SECONDS;

const UNIT_SECONDS = { second: 1, minute: 60, hour: 60 * 60, day: 24 * 60 * 60 } as const;

const RATE = /^\s*([1-9]\d{0,5}|1000000)\s*\/\s*(second|minute|hour|day)\s*$/i;

/** The format of a rate, for error messages. */
export const RATE_FORMAT = 'a number from 1 to 1000000 per second, minute, hour or day, such as 200/hour';

/** Parses a rate. Undefined if it does not have `RATE_FORMAT`. */
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
  /** How early a returning job may start, because the ones before it may have been late. */
  readonly tolerance: number;
}

/** The fraction of a rate that may start at once. */
const BURST = 0.1;

/** Polling finds a job up to a second after it is due. */
const LATE_SECONDS = 1;

/**
 * The bucket that keeps to a rate in every window, wherever it begins: the `burst` and the jobs that become due within the window
 * together do not exceed the rate. In the long run, jobs therefore start at nine tenths of a large rate.
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

/** Tolerance for floating-point times. */
const ROUNDING = 1e-6;

/** When the next job may start. */
export function dueAt({ interval, burst }: Bucket, fullAt: number): number {
  return fullAt - (burst - 1) * interval;
}

/** The state after jobs have started. */
export function afterStarting({ interval }: Bucket, fullAt: number, now: number, jobs: number): number {
  return Math.max(fullAt, now) + jobs * interval;
}

/** The state of a key's bucket and its two lines of waiting jobs: when the last job of each is due. */
export interface BucketState {
  readonly fullAt: number;
  readonly lineUntil: number;
  readonly bulkLineUntil: number;
}

/**
 * Lets a job start now, or gives it a time to come back. Each waiting job gets its own time, so that it comes back only once.
 * Bulk jobs queue behind the others.
 *
 * @param job.isBack whether it was given a time and has come back
 * @returns the new state, and how many seconds the job must wait; 0 if it may start
 */
export function pass(
  bucket: Bucket,
  state: BucketState,
  { isBulk, isBack, now }: { isBulk: boolean; isBack: boolean; now: number },
): { state: BucketState; seconds: number } {
  const { fullAt, lineUntil, bulkLineUntil } = state;
  const due = dueAt(bucket, fullAt);
  const line = isBulk ? Math.max(lineUntil, bulkLineUntil) : lineUntil;
  const mayStart = isBack ? due <= now + bucket.tolerance : due <= now && line <= now;
  if (mayStart) return { state: { ...state, fullAt: afterStarting(bucket, fullAt, now, 1) }, seconds: 0 };
  const slot = Math.max(due, line + bucket.interval);
  const lines = isBulk ? { bulkLineUntil: slot } : { lineUntil: slot };
  return { state: { ...state, ...lines }, seconds: Math.max(slot - now, ROUNDING) };
}
