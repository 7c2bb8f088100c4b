/** A request has reached its deadline. */
export class OutOfTime extends Error {
  override readonly name = 'OutOfTime';

  constructor() {
    super('there was no time left for the database');
  }
}

/** A request was refused because others on its route have just failed. */
export class StillUnavailable extends Error {
  override readonly name = 'StillUnavailable';

  constructor() {
    super('the database was unavailable a moment ago');
  }
}

/** Network errors, by Node's codes. */
const NETWORK = /^(?:ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN)$/;

/**
 * PostgreSQL's errors, by SQLSTATE: connections (08), resources (53), deadlocks and serialization failures (40), timeouts
 * (25P03, 55P03, 57014, 57P05), shutdown and start (57P01 to 57P03), read-only (25006), not accepting connections (55000).
 */
const SQLSTATE = /^(?:08...|53...|40001|40P01|25P03|25006|55P03|55000|57014|57P0[1235])$/;

/** node-postgres's errors, which have no code. */
const MESSAGE =
  /^(?:timeout exceeded when trying to connect|timeout expired|Query read timeout|Connection terminated.*|Client (?:has encountered a connection error|was closed) and is not queryable)$/;

/** Whether an error means that a statement took too long. */
export function isTimeout(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return error.message === 'Query read timeout' || ('code' in error && error.code === '57014');
}

/** Whether an error means that the database is down, locked or too slow, so that a retry may help. */
export function isUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof OutOfTime || error instanceof StillUnavailable || MESSAGE.test(error.message))
    return true;
  const code = 'code' in error ? String(error.code) : '';
  return NETWORK.test(code) || SQLSTATE.test(code);
}
