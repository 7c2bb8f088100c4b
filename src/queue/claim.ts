import type { JobAttemptOutcome } from '../database/job-tables.ts';
import { PermanentFailure } from '../errors.ts';
import type { Origin } from './origin.ts';

/** A job this process has fetched and not settled yet. */
export interface Claim {
  readonly jobId: string;
  /** 1 at the first try. */
  readonly attempt: number;
  /** When the job was fetched, by the database. It tells this claim from every other claim of the same attempt. */
  readonly claimedAt: Date;
  readonly retryLimit: number;
  readonly payload: unknown;
  readonly origin: Origin;
  /** Ends the attempt, for one of the reasons below. */
  readonly controller: AbortController;
  /** Resolves when the attempt is in the history. */
  readonly recorded: Promise<void>;
}

/** The attempt took longer than its contract allows. */
export class TimedOut extends Error {
  override readonly name = 'TimedOut';
}

/** The worker has to stop. */
export class ShuttingDown extends Error {
  override readonly name = 'ShuttingDown';
}

/** The job was cancelled, or another worker has it. */
export class ClaimLost extends Error {
  override readonly name = 'ClaimLost';
}

/** How an attempt that did not succeed has ended, by what it threw and by why it was stopped. */
export function outcomeOf(error: unknown, { controller }: Claim): JobAttemptOutcome | 'taken away' {
  if (controller.signal.reason instanceof ClaimLost) return 'taken away';
  if (controller.signal.reason instanceof ShuttingDown) return 'handed back';
  if (error instanceof TimedOut) return 'timed out';
  return error instanceof PermanentFailure ? 'given up' : 'failed';
}

/** How long a job may take to finish once it is told that the worker stops. */
const PARTING_MS = 1_000;

/** Waits for work, but no longer than its signal allows; a job that is asked to stop gets a moment to end well. */
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
