import type { JobWithMetadata } from 'pg-boss';
import { PermanentFailure } from '../errors.ts';
import type { JobAttemptOutcome } from '../schema.ts';
import type { Attempt } from './attempts.ts';
import type { JobRun } from './job.ts';
import type { Origin } from './origin.ts';

/** A job this process has fetched and not settled yet. */
export interface Claim extends Attempt {
  readonly job: JobWithMetadata<unknown>;
  readonly run: JobRun;
  readonly origin: Origin;
  readonly claimedAt: number;
  /** Ends the attempt, for one of the reasons below. */
  readonly controller: AbortController;
  /** Resolves when the attempt stands in the history. */
  readonly recorded: Promise<void>;
  startedAt?: Date;
  durationMs?: number;
  /** What is left to be written down. */
  write?: () => Promise<void>;
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
export function outcomeOf(error: unknown, { controller }: Claim): JobAttemptOutcome {
  if (controller.signal.reason instanceof ShuttingDown) return 'handed back';
  if (error instanceof TimedOut) return 'timed out';
  return error instanceof PermanentFailure ? 'given up' : 'failed';
}

/** How long a job has to come to an end of its own when it is told that the worker stops. */
const PARTING_MS = 1_000;

/** Waits for work, but not longer than its signal lets it; one that is asked to stop gets a moment to end well. */
export function untilAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
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
