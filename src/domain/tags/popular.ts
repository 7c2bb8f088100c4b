import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';

/** How many of the newest tags on posts are counted. */
const NEWEST = 1_000;

/** Lists the tags that recent posts use most. Hidden posts do not count. */
export async function listPopularTags(db: Db, limit: number): Promise<string[]> {
  const { rows } = await sql<{ tag: string }>`
    select tag from (select tag, post_id from post_tags order by post_id desc limit ${sql.lit(NEWEST)}) as newest
    group by tag order by count(*) desc, max(post_id) desc limit ${limit}::bigint
  `.execute(db);
  return rows.map(({ tag }) => tag);
}
