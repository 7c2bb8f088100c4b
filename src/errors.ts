/** The failures that the domain expects. `STATUS_OF` in src/plugins/errors.ts maps each code to an HTTP status. */
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

/** The error for something that does not exist. `what` names it in the message. */
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

/** A process or command cannot start. `message` is for the operator; no stack trace is printed. */
export class StartupError extends Error {
  override readonly name = 'StartupError';
  /** 1 if trying again later may help, such as when a server is down; 2 if something must be changed first. */
  readonly exitCode: 1 | 2;

  constructor(exitCode: 1 | 2, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

/** Variables or options are invalid. `lines` has one for each, with its value and what is accepted. */
export class ConfigError extends StartupError {
  readonly lines: readonly string[];

  constructor(lines: readonly string[]) {
    super(2, lines.join('\n'));
    this.lines = lines;
  }
}
