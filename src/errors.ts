/** Failures that the domain expects. One table in the HTTP layer maps each code to a status. */
export type DomainErrorCode =
  | 'unauthorized'
  | 'forbidden'
  | 'blocked'
  | 'unconfirmed'
  | 'two-factor-required'
  | 'not-found'
  | 'username-taken'
  | 'email-taken'
  | 'reason-missing'
  | 'last-administrator'
  | 'edit-conflict'
  | 'edit-too-late'
  | 'parent-gone'
  | 'export-underway'
  | 'import-underway'
  | 'unusable-import'
  | 'too-many-tokens'
  | 'too-many-blocks'
  | 'too-many-drafts'
  | 'too-many-limits'
  | 'too-many-followed-tags'
  | 'invalid-tags'
  | 'too-far-ahead'
  | 'not-in-force'
  | 'invalid-reason'
  | 'idempotency-key-reused'
  | 'unrenderable'
  | 'unusable-image'
  | 'image-quota-used'
  | 'too-many-requests'
  | 'busy';

/** An expected failure. Its message may be shown to the user. */
export class DomainError extends Error {
  override readonly name = 'DomainError';
  readonly code: DomainErrorCode;

  constructor(code: DomainErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** The error for something that does not exist. `what` is its name in the message. */
export const noSuch = (what: string) => new DomainError('not-found', `There is no such ${what}.`);

/** A rate limit was exceeded. */
export class TooManyRequests extends DomainError {
  /** How long to wait, in whole seconds, at least 1. */
  readonly retryAfterSeconds: number;

  constructor(retryAfterSeconds: number) {
    super('too-many-requests', 'Too many attempts.');
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** Too much work is waiting already. */
export class Busy extends DomainError {
  /** How long to wait, in whole seconds. */
  readonly retryAfterSeconds = 5;

  constructor() {
    super('busy', 'The server is busy. Please try again in a moment.');
  }
}

/** A job failed in a way that a retry cannot help. It goes to the dead letter queue at once. */
export class PermanentFailure extends Error {
  override readonly name = 'PermanentFailure';
}

/** A job's attempt, or a computation in a thread, took longer than it may. */
export class TimedOut extends Error {
  override readonly name = 'TimedOut';
}

/** Days that a job may put itself off with TryLater, or wait for a limit. */
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

/** The process cannot start. `message` is one line for the operator; no stack trace is printed. */
export class StartupError extends Error {
  override readonly name = 'StartupError';
  /** 1 if trying again later may help, e.g. when a server is down; 2 if something must be changed first. */
  readonly exitCode: 1 | 2;

  constructor(exitCode: 1 | 2, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

/** The environment is invalid. `lines` has one line per variable with its value and what is accepted. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly lines: readonly string[];

  constructor(lines: readonly string[]) {
    super(lines.join('\n'));
    this.lines = lines;
  }
}
