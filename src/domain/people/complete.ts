import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { isMutedBy } from '../blocks/hide.ts';
import { IS_FINDABLE } from './directory.ts';

/** Somebody whose username completes what a person has typed. */
export interface Completion {
  readonly username: string;
  readonly name: string;
}

/** Names offered at once. */
const MAX_NAMES = 8;

/** How many of the newest comments on the post, and of the people the reader follows, are considered. */
const MAX_CONSIDERED = 100;

/** Sorts after every character of a username. */
const LAST_CHARACTER = '~';

/**
 * Finds people whose usernames begin with some characters. People who have commented on the post and people the reader
 * follows come first. Leaves out the reader, people they have muted or blocked, and people who are suspended or about to be
 * deleted.
 *
 * @param options.postId the post that is being commented on
 */
export async function completeNames(
  db: Db,
  beginning: string,
  { readerId, postId = 0 }: { readerId: number; postId?: number | undefined },
): Promise<Completion[]> {
  const from = beginning.toLowerCase();
  const nearest = sql.lit(MAX_CONSIDERED);
  // `~>=~` and `~<~` are operators of the index: `like` needs a constant, and `<` depends on the database's collation.
  // The upper end of the range is checked last, because PostgreSQL would otherwise sometimes read all of the range.
  const { rows } = await sql<Completion>`
    with candidates as (
      select author_id as id, 0 as rank from posts where id = ${postId}
      union all
      (select author_id, 0 from comments where post_id = ${postId} order by id desc limit ${nearest})
      union all
      (select followed_id, 1 from follows where follower_id = ${readerId} order by id desc limit ${nearest})
      union all
      (
        select id, 2 from users
        where lower(username) ~>=~ ${from} and confirmed_at is not null and not ${isMutedBy(readerId, 'id')}
        order by lower(username) using ~<~ limit ${sql.lit(MAX_NAMES + 1)}
      )
    ), found as materialized (
      select username, name, min(rank) as rank
      from (select distinct id, rank from candidates) as candidate join users on users.id = candidate.id
      where ${IS_FINDABLE} and users.id <> ${readerId} and not ${isMutedBy(readerId, 'users.id')}
      group by users.id
    )
    select username, name from found
    where lower(username) ~>=~ ${from} and lower(username) ~<~ ${from + LAST_CHARACTER}
    order by rank, lower(username) limit ${sql.lit(MAX_NAMES)}
  `.execute(db);
  return rows;
}
