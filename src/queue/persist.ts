import pRetry from 'p-retry';

/**
 * Writes the result of completed work, retrying for about twenty seconds if the database refuses connections, and for minutes if
 * it does not respond, so that neither causes the work to be repeated. Retries at least every half second, because a crash before
 * the write would repeat the work.
 *
 * @throws the last error
 */
export function persist<T>(write: () => Promise<T>): Promise<T> {
  return pRetry(write, { retries: 40, minTimeout: 100, factor: 2, maxTimeout: 500 });
}
