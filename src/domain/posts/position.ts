import { sql } from 'kysely';

/**
 * Posts are listed by their position: the second in which they were published, in microseconds since 1970, plus the last
 * six digits of their id. So an imported post is where its date belongs.
 */

/** A position in seconds, for PostgreSQL. */
export const POSITIONS_PER_SECOND = 1_000_000;

/** No position is larger: JavaScript counts exactly up to there, in the year 2255. */
export const MAX_POSITION = Number.MAX_SAFE_INTEGER;

/** The first position of a moment, in whole seconds. */
export function positionAt(moment: Date): number {
  return Math.floor(moment.getTime() / 1000) * POSITIONS_PER_SECOND;
}

/**
 * A post's position as the cursor of a list. As a float, because node-postgres returns a bigint as text.
 *
 * @param table that has the column `position`
 */
export function cursorOf(table: 'posts' | 'post') {
  return sql<number>`${sql.ref(`${table}.position`)}::float8`.as('cursor');
}
