import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { IS_SHOWN } from '../posts/list.ts';

/** Of how many of the newest posts the tags are counted. */
const NEWEST = 500;

/** Lists the tags that most people use lately, on posts that are not hidden. One person counts once, however much they post. */
export async function listPopularTags(db: Db, limit: number): Promise<string[]> {
  const { rows } = await sql<{ tag: string }>`
    select tag from (
      select id, author_id, tags from posts where ${IS_SHOWN} order by id desc limit ${sql.lit(NEWEST)}
    ) as newest cross join unnest(tags) as tag
    group by tag order by count(distinct author_id) desc, max(id) desc limit ${limit}::bigint
  `.execute(db);
  return rows.map(({ tag }) => tag);
}
