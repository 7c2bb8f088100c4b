import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { isMutedBy } from '../blocks/hide.ts';

/** Somebody whose username completes what a person has typed. */
export interface Completion {
  readonly username: string;
  readonly name: string;
}

/** Names offered at once. */
const MOST = 8;

/** Of whom one follows, and of the comments on the post, these many newest are considered. */
const NEAREST = 500;

/** Sorts after every character of a username. */
const AFTER_ALL = '~';

/**
 * Finds the people whose usernames begin with some characters. Those in the conversation and those whom the reader follows
 * come first. Leaves out the reader, and whom they have muted or blocked.
 *
 * @param options.postId the post that is talked about
 */
export async function completeNames(
  db: Db,
  beginning: string,
  { readerId, postId = 0 }: { readerId: number; postId?: number | undefined },
): Promise<Completion[]> {
  const from = beginning.toLowerCase();
  // Operators of the index: `like` needs a constant, and other comparisons depend on the database's collation.
  const begins = sql`lower(username) ~>=~ ${from} and lower(username) ~<~ ${from + AFTER_ALL} and confirmed_at is not null`;
  const most = sql.lit(MOST + 1);
  const { rows } = await sql<Completion>`
    with near as (
      select author_id as id, 0 as rank from posts where id = ${postId}
      union all
      (select author_id, 0 from comments where post_id = ${postId} order by id desc limit ${sql.lit(NEAREST)})
      union all
      (select followed_id, 1 from follows where follower_id = ${readerId} order by id desc limit ${sql.lit(NEAREST)})
    ), found as (
      select users.id, rank from (select distinct id, rank from near) as near join users on users.id = near.id where ${begins}
      union all
      (
        select id, 2 from users where ${begins} and not ${isMutedBy(readerId, 'id')}
        order by lower(username) using ~<~ limit ${most}
      )
    )
    select username, name
    from (select id, min(rank) as rank from found group by id) as best join users on users.id = best.id
    where best.id <> ${readerId} and not ${isMutedBy(readerId, 'best.id')}
    order by rank, lower(username) limit ${sql.lit(MOST)}
  `.execute(db);
  return rows;
}
