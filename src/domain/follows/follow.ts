import type { Db } from '../../schema.ts';

/** Follows somebody. Returns whether that is new: who follows already goes on doing so. */
export async function follow(db: Db, followerId: number, followedId: number): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await db
    .insertInto('follows')
    .values({ follower_id: followerId, followed_id: followedId })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirstOrThrow();
  return numInsertedOrUpdatedRows === 1n;
}

/** Stops following somebody. Returns whether there was something to stop; nobody stops following themselves. */
export async function unfollow(db: Db, followerId: number, followedId: number): Promise<boolean> {
  if (followerId === followedId) return false;
  const { numDeletedRows } = await db
    .deleteFrom('follows')
    .where('follower_id', '=', followerId)
    .where('followed_id', '=', followedId)
    .executeTakeFirst();
  return numDeletedRows === 1n;
}
