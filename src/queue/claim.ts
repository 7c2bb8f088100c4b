import type { JobWithMetadata } from 'pg-boss';
import { type ClaimKey, isSameClaim } from './claim-key.ts';
import { MAX_DAYS_DEFERRED, PermanentFailure, SlowDown, TimedOut, TryLater } from './errors.ts';
import { UnknownPayload } from './job.ts';
import { type Origin, unpack } from './origin.ts';
import { JobReport } from './report.ts';
import { KEEP_WAITING_SECONDS } from './synchronise.ts';
import type { JobAttemptOutcome } from './tables.ts';

/** A job that this process has fetched and not yet settled. */
export interface Claim extends ClaimKey {
  /** 1 for the first. */
  readonly attempt: number;
  /** When the job was enqueued, by the database's clock. */
  readonly createdAt: Date;
  /** When the job could first run. */
  readonly firstStart: Date;
  readonly retryLimit: number;
  readonly payload: unknown;
  readonly priority: number;
  /** The key whose limit deferred it; undefined if none did. */
  readonly waitedFor: string | undefined;
  /** What it took from the bucket of its queue's limit, in seconds; 0 without a limit. */
  readonly takenSeconds: number;
  /** Whether it is the one job that is tried while its queue waits. */
  readonly isProbe: boolean;
  readonly origin: Origin;
  /** When the job was enqueued, on the clock of `performance.now()`. */
  readonly enqueuedAt: number;
  /** Aborts the attempt, for one of the reasons below. */
  readonly controller: AbortController;
  /** The attempt's progress, result and log. */
  readonly report: JobReport;
  /** Resolves when the attempt was added to the history. */
  readonly recorded: Promise<void>;
}

/** The claim of a fetched job. */
export function claimOf(
  job: JobWithMetadata<unknown>,
  { recorded, takenSeconds, isProbe }: Pick<Claim, 'recorded' | 'takenSeconds' | 'isProbe'>,
): Claim {
  return {
    queue: job.name,
    jobId: job.id,
    attempt: job.retryCount + 1,
    createdAt: job.createdOn,
    claimedAt: job.startedOn,
    // pg-boss does not change `keepUntil` when a job is deferred.
    firstStart: new Date(job.keepUntil.getTime() - KEEP_WAITING_SECONDS * 1000),
    retryLimit: job.retryLimit,
    ...unpack(job.data),
    priority: job.priority,
    waitedFor: keyIn(job.output),
    takenSeconds,
    isProbe,
    enqueuedAt: performance.now() - (job.startedOn.getTime() - job.createdOn.getTime()),
    controller: new AbortController(),
    report: new JobReport({ queue: job.name, jobId: job.id, attempt: job.retryCount + 1 }),
    recorded,
  };
}

/** The key that `handBack` stored with a job that waits for a limit. */
function keyIn(output: object): string | undefined {
  return output !== null && 'key' in output && typeof output.key === 'string' ? output.key : undefined;
}

/** The worker is stopping. */
export class ShuttingDown extends Error {
  override readonly name = 'ShuttingDown';
}

/** The job was cancelled or taken by another worker. */
export class ClaimLost extends Error {
  override readonly name = 'ClaimLost';
}

/** Aborts the lost ones among these claims. */
export function abortLost(claims: readonly Claim[], lost: readonly ClaimKey[]): void {
  for (const claim of claims) {
    if (!lost.some((key) => isSameClaim(key, claim))) continue;
    claim.controller.abort(new ClaimLost('the job was cancelled or taken by another worker'));
  }
}

/** How long a job with an unknown payload waits for a newer worker, in milliseconds. */
const PATIENCE_MS = 24 * 60 * 60 * 1000;

const DAY_MS = 24 * 60 * 60 * 1000;

/** The outcome of an unsuccessful attempt, from its error and why it was aborted. */
export function outcomeOf(
  error: unknown,
  { controller, createdAt, claimedAt, firstStart }: Claim,
): JobAttemptOutcome | 'taken away' {
  if (controller.signal.reason instanceof ClaimLost) return 'taken away';
  if (controller.signal.reason instanceof ShuttingDown) return 'handed back';
  if (error instanceof TimedOut) return 'timed out';
  if (error instanceof UnknownPayload) {
    return claimedAt.getTime() - createdAt.getTime() < PATIENCE_MS ? 'handed back' : 'given up';
  }
  if (error instanceof TryLater) {
    const waitedMs = claimedAt.getTime() + error.seconds * 1000 - firstStart.getTime();
    return waitedMs < MAX_DAYS_DEFERRED * DAY_MS ? 'deferred' : 'given up';
  }
  if (error instanceof SlowDown) return 'deferred';
  return error instanceof PermanentFailure ? 'given up' : 'failed';
}

/** How long a job may take to finish after its signal was aborted because the worker stops. */
const PARTING_MS = 1_000;

/** Awaits work until its signal is aborted. A job aborted because the worker stops gets a moment to finish. */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  signal.addEventListener(
    'abort',
    () => {
      const { reason } = signal;
      if (reason instanceof ShuttingDown) setTimeout(reject, PARTING_MS, reason).unref();
      else reject(reason);
    },
    { once: true },
  );
  return Promise.race([work, aborted]);
}
