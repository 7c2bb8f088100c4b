import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { isMutedBy } from '../blocks/hide.ts';
import { pathOfPost } from '../posts/path.ts';
import { POSITIONS_PER_SECOND } from '../posts/position.ts';
import { IS_LISTED } from '../posts/visibility.ts';

/** Posts that a digest shows. It only counts the others. */
const MAX_SHOWN = 20;

/** Characters that it shows of each post. */
const MAX_EXCERPT_LENGTH = 280;

/**
 * Loads a week's posts by the people a user follows, newest first. Undefined if there are none.
 *
 * @param options.week its Monday, as `YYYY-MM-DD`
 * @param options.timeZone where the week begins
 */
export async function loadDigest(
  db: Db,
  { userId, week, timeZone }: { userId: number; week: string; timeZone: string },
): Promise<object | undefined> {
  const monday = (weeksLater: number) =>
    sql<string>`extract(epoch from (${week}::date + ${7 * weeksLater}::int)::timestamp at time zone ${timeZone})::bigint * ${sql.lit(POSITIONS_PER_SECOND)}`;
  const posts = await db
    .selectFrom('posts')
    .innerJoin('follows', 'follows.followed_id', 'posts.author_id')
    .innerJoin('users', 'users.id', 'posts.author_id')
    .select(['posts.id', 'posts.title', 'username'])
    .select(sql<string>`left(body, ${MAX_EXCERPT_LENGTH + 1})`.as('beginning'))
    .select(({ fn }) => fn.countAll<string>().over().as('total'))
    .where('follower_id', '=', userId)
    .where(IS_LISTED)
    .where(sql<boolean>`not ${isMutedBy(userId, 'posts.author_id')}`)
    .where('posts.position', '>=', monday(0))
    .where('posts.position', '<', monday(1))
    .orderBy('posts.position', 'desc')
    .limit(MAX_SHOWN)
    .execute();
  const total = Number(posts[0]?.total ?? 0);
  if (total === 0) return undefined;
  return {
    total,
    omitted: total - posts.length,
    posts: posts.map(({ id, title, username, beginning }) => ({
      username,
      title,
      path: pathOfPost({ id, title }),
      excerpt:
        beginning.length > MAX_EXCERPT_LENGTH
          ? `${beginning.slice(0, MAX_EXCERPT_LENGTH).trimEnd()} …`
          : beginning,
    })),
  };
}
