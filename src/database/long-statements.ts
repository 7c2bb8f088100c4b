import { AsyncLocalStorage } from 'node:async_hooks';
import { type Kysely, sql, type Transaction } from 'kysely';
import { LONG_MS } from './connection.ts';
import type { Schema } from './schema.ts';

const longStatements = new AsyncLocalStorage<true>();

/** Runs a transaction whose statements take long by design. */
export function withLongStatements<Result>(
  db: Kysely<Schema>,
  run: (trx: Transaction<Schema>) => Promise<Result>,
): Promise<Result> {
  return longStatements.run(true, () =>
    db.transaction().execute(async (trx) => {
      await sql`set local statement_timeout = ${sql.lit(LONG_MS)}`.execute(trx);
      return run(trx);
    }),
  );
}

/** How long the response to a statement may take within `withLongStatements`; undefined outside of it. */
export function longAnswerMs(): number | undefined {
  return longStatements.getStore() && LONG_MS;
}
