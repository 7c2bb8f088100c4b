import pRetry from 'p-retry';

/**
 * Writes the result of completed work, retrying for about twenty seconds, so that a restart of the database does not cause the
 * work to be repeated. Retries at least every half second, because a crash before the write would repeat the work.
 *
 * @throws the last error
 */
export function persist<T>(write: () => Promise<T>): Promise<T> {
  return pRetry(write, { retries: 40, minTimeout: 100, factor: 2, maxTimeout: 500 });
}
