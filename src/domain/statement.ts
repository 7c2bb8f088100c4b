import { CompiledQuery, type QueryResult } from 'kysely';
import type { Db } from '../schema.ts';

/**
 * A statement that is composed once rather than each time it is run, for what nearly every request asks.
 *
 * @param text with `$1` and so on for the values
 */
export function statement<Row>(text: string): (db: Db, values: unknown[]) => Promise<QueryResult<Row>> {
  return (db, values) => {
    const query: CompiledQuery<Row> = CompiledQuery.raw(text, values);
    return db.executeQuery(query);
  };
}
