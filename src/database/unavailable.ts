/** The time for a request is over. */
export class OutOfTime extends Error {
  override readonly name = 'OutOfTime';

  constructor() {
    super('there was no time left for the database');
  }
}

/** Others have just failed, so this was not tried. */
export class StillUnavailable extends Error {
  override readonly name = 'StillUnavailable';

  constructor() {
    super('the database was unavailable a moment ago');
  }
}

/** Errors of the network, by Node's codes. */
const NETWORK = /^(?:ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN)$/;

/**
 * Errors of PostgreSQL, by SQLSTATE: connections (08), resources (53), deadlocks and serialization (40), a timeout (25P03,
 * 55P03, 57014, 57P05), shutting down or starting (57P01 to 57P03), read-only (25006), not accepting connections (55000).
 */
const SQLSTATE = /^(?:08...|53...|40001|40P01|25P03|25006|55P03|55000|57014|57P0[1235])$/;

/** Errors of node-postgres, which have no code. */
const MESSAGE =
  /^(?:timeout exceeded when trying to connect|timeout expired|Query read timeout|Connection terminated.*|Client (?:has encountered a connection error|was closed) and is not queryable)$/;

/** Whether an error says that one statement took too long. */
export function isTimeout(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return error.message === 'Query read timeout' || ('code' in error && error.code === '57014');
}

/** Whether an error says that the database is away, locked or too slow, so that trying again later may help. */
export function isUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof OutOfTime || error instanceof StillUnavailable || MESSAGE.test(error.message))
    return true;
  const code = 'code' in error ? String(error.code) : '';
  return NETWORK.test(code) || SQLSTATE.test(code);
}
