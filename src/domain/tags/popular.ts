import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { IS_LISTED } from '../posts/visibility.ts';

/** How many of the newest posts are counted. */
const MAX_CONSIDERED = 500;

/**
 * Lists the tags used by the most people in recent posts. Counting people instead of posts keeps one person from filling the
 * list. Hidden and unlisted posts do not count.
 */
export async function listPopularTags(db: Db, limit: number): Promise<string[]> {
  const newest = sql`select position, author_id, tags from posts where ${IS_LISTED} order by position desc limit ${sql.lit(MAX_CONSIDERED)}`;
  const { rows } = await sql<{ tag: string }>`
    select tag from (${newest}) as post cross join lateral unnest(tags) as tag
    group by tag order by count(distinct author_id) desc, max(position) desc limit ${limit}::bigint
  `.execute(db);
  return rows.map(({ tag }) => tag);
}
