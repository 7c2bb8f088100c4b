import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { IS_OPEN } from '../accounts/standing.ts';
import { isMutedBy } from '../blocks/hide.ts';
import { BEGINNING_LENGTH, type RelatedPost } from './related.ts';
import { IS_LISTED } from './visibility.ts';

/** A post that people are discussing. */
export interface Conversation extends RelatedPost {
  readonly commentCount: number;
}

/** How many of the newest comments are counted. */
const NEWEST_COMMENTS = 500;

/**
 * Lists the posts on which the most people have commented in the last week. Counts only the newest comments, so it costs the
 * same on any site.
 *
 * @param readerId leaves out posts by people this reader has muted or blocked; undefined for a visitor
 */
export async function listConversations(
  db: Db,
  { readerId, limit }: { readerId: number | undefined; limit: number },
): Promise<Conversation[]> {
  const { rows } = await sql<Conversation>`
    select posts.id, title, username as "authorUsername", left(body_html, ${sql.lit(BEGINNING_LENGTH)}) as beginning,
      posts.comment_count as "commentCount"
    from (
      select post_id, count(distinct author_id) as people, count(*) as comments, max(id) as newest
      from (
        select id, post_id, author_id, created_at from comments where not is_disabled
        order by id desc limit ${sql.lit(NEWEST_COMMENTS)}
      ) as newest_comments
      where created_at > now() - interval '7 days'
      group by post_id
    ) as talked_about
    join posts on posts.id = post_id and ${IS_LISTED} and not ${isMutedBy(readerId, 'posts.author_id')}
    join users on users.id = posts.author_id and ${IS_OPEN}
    order by people desc, comments desc, newest desc limit ${limit}::bigint
  `.execute(db);
  return rows;
}
