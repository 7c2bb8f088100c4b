import { type RawBuilder, sql } from 'kysely';

/**
 * The username of a row's person, without a join.
 *
 * @param id the column of the person's id
 */
export function usernameOf(id: string): RawBuilder<string> {
  return sql`(select username from users where users.id = ${sql.ref(id)})`;
}
