/** A job failed in a way that a retry cannot help. It goes to the dead letter queue at once. */
export class PermanentFailure extends Error {
  override readonly name = 'PermanentFailure';
}

/** Too many computations wait for a thread, or one has waited for too long. */
export class NoFreeThread extends Error {
  override readonly name = 'NoFreeThread';

  constructor() {
    super('no thread is free');
  }
}

/** A job's attempt, or a computation in a thread, took longer than it may. */
export class TimedOut extends Error {
  override readonly name = 'TimedOut';
}

/** Days that a job may defer itself with TryLater, or wait for a limit. */
export const MOST_DAYS_PUT_OFF = 30;

/**
 * A job cannot do its work yet. It waits and runs again, without losing an attempt. It goes to its dead letter queue with the
 * reason if it would then be older than `MOST_DAYS_PUT_OFF`, counted from when it could first run.
 */
export class TryLater extends Error {
  override readonly name: string = 'TryLater';
  /** How long it waits. */
  readonly seconds: number;

  /**
   * @param reason for the operator: why the job waits
   * @throws RangeError if `seconds` is not a positive, finite number
   */
  constructor(seconds: number, reason: string, options?: ErrorOptions) {
    super(reason, options);
    if (!(seconds > 0 && seconds < Infinity)) {
      throw new RangeError(`TryLater: seconds must be a positive number, not ${seconds}`);
    }
    this.seconds = seconds;
  }
}

/**
 * The service that a queue's jobs need asks for fewer of them. The whole queue waits, and one job is tried after a while. No job
 * loses an attempt.
 */
export class SlowDown extends Error {
  override readonly name = 'SlowDown';
  /** How long the service asks to wait, if it says so. */
  readonly seconds: number | undefined;

  /** @param reason what the service said */
  constructor(reason: string, { seconds, ...options }: { seconds?: number | undefined } & ErrorOptions = {}) {
    super(reason, options);
    this.seconds = seconds;
  }
}

/** The database has an older schema of the queue than this release needs. */
export class OldSchema extends Error {
  override readonly name = 'OldSchema';
}

/** No more limits can be set. The message is for the operator. */
export class TooManyLimits extends Error {
  override readonly name = 'TooManyLimits';
}
