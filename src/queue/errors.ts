/** A failure that a retry cannot help. The job goes to the dead letter queue at once. */
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

/** An attempt at a job, or a computation in a thread, took too long. */
export class TimedOut extends Error {
  override readonly name = 'TimedOut';
}

/** Days that a job may defer itself with TryLater, or wait for a limit. */
export const MAX_DAYS_DEFERRED = 30;

/**
 * A job cannot do its work yet. It waits and runs again, without losing an attempt. If it would then be older than
 * `MAX_DAYS_DEFERRED`, counted from when it could first run, it goes to the dead letter queue with the reason.
 */
export class TryLater extends Error {
  override readonly name: string = 'TryLater';
  /** How long to wait. */
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
 * The service that a queue's jobs need is asking for a slower rate. The whole queue waits, and after a while one job is tried. No
 * job loses an attempt.
 */
export class SlowDown extends Error {
  override readonly name = 'SlowDown';
  /** The wait that the service requests, if it does. */
  readonly seconds: number | undefined;

  /** @param reason the service's response */
  constructor(reason: string, { seconds, ...options }: { seconds?: number | undefined } & ErrorOptions = {}) {
    super(reason, options);
    this.seconds = seconds;
  }
}

/** The queue's schema in the database is older than this release needs. */
export class OldSchema extends Error {
  override readonly name = 'OldSchema';
}

/** No more limits can be set. The message is for the operator. */
export class TooManyLimits extends Error {
  override readonly name = 'TooManyLimits';
}
