import pRetry from 'p-retry';

/**
 * Writes the result of completed work, retrying for about twenty seconds, so that the work need not be repeated because the
 * database restarted. Never waits longer than half a second: until the result is written, a crash would repeat the work.
 *
 * @throws the last error
 */
export function persist<T>(write: () => Promise<T>): Promise<T> {
  return pRetry(write, { retries: 40, minTimeout: 100, factor: 2, maxTimeout: 500 });
}
