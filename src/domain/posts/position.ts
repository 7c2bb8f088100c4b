import { sql } from 'kysely';

/**
 * Lists are ordered by position: the second in which a post was published, in microseconds since 1970, plus the last six
 * digits of its id. So an imported post is listed by its original date.
 */

/** Positions per second. */
export const POSITIONS_PER_SECOND = 1_000_000;

/** The largest position: JavaScript's largest exact integer, reached in the year 2255. */
export const MAX_POSITION = Number.MAX_SAFE_INTEGER;

/** The first position in the second of a moment. */
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
