import pRetry from 'p-retry';

/**
 * Writes down what has already happened, again and again for about twenty seconds while the database is away: a
 * restart of it must not make work that is done be done again.
 *
 * @throws the last error
 */
export function persist<T>(write: () => Promise<T>): Promise<T> {
  return pRetry(write, { retries: 9, minTimeout: 100, factor: 2, maxTimeout: 4_000 });
}
