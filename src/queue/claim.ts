import type { JobAttemptOutcome } from '../database/job-tables.ts';
import { PermanentFailure } from '../errors.ts';
import type { Origin } from './origin.ts';

/** A job that this process has fetched and not yet settled. */
export interface Claim {
  readonly jobId: string;
  /** 1 for the first. */
  readonly attempt: number;
  /** When the job was fetched, by the database's clock. Distinguishes claims of the same attempt. */
  readonly claimedAt: Date;
  readonly retryLimit: number;
  readonly payload: unknown;
  readonly origin: Origin;
  /** Aborts the attempt, for one of the reasons below. */
  readonly controller: AbortController;
  /** Resolves when the attempt is in the history. */
  readonly recorded: Promise<void>;
}

/** The attempt exceeded its contract's timeout. */
export class TimedOut extends Error {
  override readonly name = 'TimedOut';
}

/** The worker is stopping. */
export class ShuttingDown extends Error {
  override readonly name = 'ShuttingDown';
}

/** The job was cancelled or taken by another worker. */
export class ClaimLost extends Error {
  override readonly name = 'ClaimLost';
}

/** The outcome of an unsuccessful attempt, from its error and the reason why it was aborted. */
export function outcomeOf(error: unknown, { controller }: Claim): JobAttemptOutcome | 'taken away' {
  if (controller.signal.reason instanceof ClaimLost) return 'taken away';
  if (controller.signal.reason instanceof ShuttingDown) return 'handed back';
  if (error instanceof TimedOut) return 'timed out';
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
