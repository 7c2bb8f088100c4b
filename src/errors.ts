/** What can go wrong in ways the domain foresees. The HTTP layer maps each code to a status, once. */
export type DomainErrorCode =
  | 'unauthorized'
  | 'forbidden'
  | 'unconfirmed'
  | 'not-found'
  | 'username-taken'
  | 'email-taken'
  | 'last-administrator'
  | 'edit-conflict'
  | 'export-underway'
  | 'too-many-tokens'
  | 'idempotency-key-reused'
  | 'unrenderable'
  | 'too-many-requests'
  | 'busy';

/** An expected outcome that is not success. Its message may be shown to the person who caused it. */
export class DomainError extends Error {
  override readonly name = 'DomainError';
  readonly code: DomainErrorCode;

  constructor(code: DomainErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** The error for something that is not there. @param what its name in the message */
export const noSuch = (what: string) => new DomainError('not-found', `There is no such ${what}.`);

/** Somebody tried too often. */
export class TooManyRequests extends DomainError {
  /** How long to wait, in whole seconds, at least 1. */
  readonly retryAfterSeconds: number;

  constructor(retryAfterSeconds: number) {
    super('too-many-requests', 'Too many attempts.');
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** There is more to do than can be done soon. */
export class Busy extends DomainError {
  /** How long to wait, in whole seconds. */
  readonly retryAfterSeconds = 5;

  constructor() {
    super('busy', 'The server is busy. Please try again in a moment.');
  }
}

/** A job failed in a way that trying again cannot mend: it goes to the dead letter queue at once. */
export class PermanentFailure extends Error {
  override readonly name = 'PermanentFailure';
}

/** The process cannot start. `message` is one line for the operator; no stack trace is printed. */
export class StartupError extends Error {
  override readonly name = 'StartupError';
  /** 1 when waiting may help, as when a server is down; 2 when somebody must change something first. */
  readonly exitCode: 1 | 2;

  constructor(exitCode: 1 | 2, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}
