import type { Db } from '../../database/schema.ts';

/** Follows somebody. Returns whether that is new. Nobody follows themselves: their own posts are theirs to read anyway. */
export async function follow(db: Db, followerId: number, followedId: number): Promise<boolean> {
  if (followerId === followedId) return false;
  const { numInsertedOrUpdatedRows } = await db
    .insertInto('follows')
    .values({ follower_id: followerId, followed_id: followedId })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirstOrThrow();
  return numInsertedOrUpdatedRows === 1n;
}

/** Stops following somebody. Returns whether there was something to stop. */
export async function unfollow(db: Db, followerId: number, followedId: number): Promise<boolean> {
  const { numDeletedRows } = await db
    .deleteFrom('follows')
    .where('follower_id', '=', followerId)
    .where('followed_id', '=', followedId)
    .executeTakeFirst();
  return numDeletedRows === 1n;
}
