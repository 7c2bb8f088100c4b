import type { Db } from '../../database/schema.ts';

/** Follows a user. Returns whether that is new. Following oneself does nothing: the Followed tab has one's own posts anyway. */
export async function follow(db: Db, followerId: number, followedId: number): Promise<boolean> {
  if (followerId === followedId) return false;
  const { numInsertedOrUpdatedRows } = await db
    .insertInto('follows')
    .values({ follower_id: followerId, followed_id: followedId })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirstOrThrow();
  return numInsertedOrUpdatedRows === 1n;
}

/** Stops following a user. Returns whether they were followed. */
export async function unfollow(db: Db, followerId: number, followedId: number): Promise<boolean> {
  const { numDeletedRows } = await db
    .deleteFrom('follows')
    .where('follower_id', '=', followerId)
    .where('followed_id', '=', followedId)
    .executeTakeFirst();
  return numDeletedRows === 1n;
}
