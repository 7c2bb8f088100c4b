import { type RawBuilder, sql } from 'kysely';

/**
 * The condition for rows by people whom a reader has neither muted nor blocked, whose ids are read once per statement. An
 * array, because of a subquery PostgreSQL expects that it leaves out half of the rows, and would rather sort a long list.
 *
 * @param author the column of the author's id
 */
export function isHeardBy(readerId: number, author: string): RawBuilder<boolean> {
  return sql`${sql.ref(author)} <> all(array(select blocked_id from blocks where blocker_id = ${readerId}))`;
}
