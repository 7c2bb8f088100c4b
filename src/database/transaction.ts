import type { Kysely, Transaction } from 'kysely';
import pRetry from 'p-retry';
import type { Schema } from './schema.ts';

/** SQLSTATEs of transactions that PostgreSQL rolls back to let others continue: serialization failure and deadlock. */
const VICTIM = new Set<unknown>(['40001', '40P01']);

/**
 * Runs a transaction that may deadlock with others. If PostgreSQL chooses it as the victim, it runs again, so `run` must have no
 * effects outside of the database.
 */
export function transact<Result>(
  db: Kysely<Schema>,
  run: (trx: Transaction<Schema>) => Promise<Result>,
): Promise<Result> {
  return pRetry(() => db.transaction().execute(run), {
    retries: 3,
    minTimeout: 10,
    randomize: true,
    shouldRetry: ({ error }) => 'code' in error && VICTIM.has(error.code),
  });
}

/**
 * Runs such transactions until one changes nothing, so that none holds its locks for long.
 *
 * @param run returns the number of changed rows
 * @param options.signal stops between two transactions
 */
export async function inBatches(
  db: Kysely<Schema>,
  run: (trx: Transaction<Schema>) => Promise<number>,
  { signal }: { signal: AbortSignal },
): Promise<void> {
  let changed: number;
  do {
    signal.throwIfAborted();
    changed = await transact(db, run);
  } while (changed > 0);
}
