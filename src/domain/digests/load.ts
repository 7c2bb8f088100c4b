import { sql } from 'kysely';
import type { mailQueue, PayloadOf } from '../../queue/contracts.ts';
import type { Db } from '../../schema.ts';

/** How many posts a digest shows; it says how many more there are. */
const SHOWN = 20;

/** How much of a post it shows, in characters. */
const EXCERPT = 280;

/**
 * What the people somebody follows wrote in a week, newest first. Undefined when that is nothing.
 *
 * @param payload.week the Monday the week begins with, as `YYYY-MM-DD`
 */
export async function loadDigest(
  db: Db,
  { userId, week = '' }: { userId: number } & Pick<PayloadOf<typeof mailQueue>, 'week'>,
): Promise<object | undefined> {
  const posts = await db
    .selectFrom('posts')
    .innerJoin('follows', 'follows.followed_id', 'posts.author_id')
    .innerJoin('users', 'users.id', 'posts.author_id')
    .select(['posts.id', 'username'])
    .select(sql<string>`left(body, ${EXCERPT + 1})`.as('beginning'))
    .select(({ fn }) => fn.countAll<string>().over().as('total'))
    .where('follower_id', '=', userId)
    .where('followed_id', '<>', userId)
    .where('posts.created_at', '>=', sql<Date>`${week}::date`)
    .where('posts.created_at', '<', sql<Date>`${week}::date + 7`)
    .orderBy('posts.id', 'desc')
    .limit(SHOWN)
    .execute();
  const total = Number(posts[0]?.total ?? 0);
  if (total === 0) return undefined;
  return {
    total,
    omitted: total - posts.length,
    posts: posts.map(({ id, username, beginning }) => ({
      username,
      path: `/post/${id}`,
      excerpt: beginning.length > EXCERPT ? `${beginning.slice(0, EXCERPT).trimEnd()} …` : beginning,
    })),
  };
}
