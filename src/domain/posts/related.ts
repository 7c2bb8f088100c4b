import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { IS_OPEN } from '../accounts/standing.ts';
import { isMutedBy } from '../blocks/hide.ts';
import { IS_LISTED } from './visibility.ts';

/** A post to read next. */
export interface RelatedPost {
  readonly id: number;
  readonly title: string | null;
  readonly authorUsername: string;
  /** The beginning of the post's HTML, perhaps truncated inside a tag. */
  readonly beginning: string;
}

const MAX_RELATED = 3;

/** How many of the newest posts with each tag are considered. */
const MAX_CONSIDERED = 50;

/** Characters of a post's HTML: enough for a one-line excerpt. */
export const BEGINNING_LENGTH = 2_000;

/**
 * Finds recent posts that share the most tags with a post. Leaves out posts by people the reader has muted or blocked.
 *
 * @param readerId undefined for a visitor
 */
export async function findRelatedPosts(
  db: Db,
  { id, tags }: { readonly id: number; readonly tags: readonly string[] },
  readerId: number | undefined,
): Promise<RelatedPost[]> {
  if (tags.length === 0) return [];
  const { rows } = await sql<RelatedPost>`
    select posts.id, title, username as "authorUsername", left(body_html, ${sql.lit(BEGINNING_LENGTH)}) as beginning
    from (
      select position, count(*) as shared
      from unnest(${tags}::text[]) as own (tag)
      cross join lateral (
        select position from post_tags where post_tags.tag = own.tag order by position desc limit ${sql.lit(MAX_CONSIDERED + 1)}
      ) as tagged
      group by position
    ) as candidate
    join posts on posts.position = candidate.position and posts.id <> ${id} and ${IS_LISTED} and not ${isMutedBy(readerId, 'posts.author_id')}
    join users on users.id = author_id and ${IS_OPEN}
    order by shared desc, posts.position desc limit ${sql.lit(MAX_RELATED)}
  `.execute(db);
  return rows;
}
