import type { Db } from '../../database/schema.ts';
import { transact } from '../../database/transaction.ts';
import { DomainError } from '../../errors.ts';
import { notifyQueue } from '../../queues.ts';
import { isBlocked } from '../blocks/block.ts';
import type { Dependencies } from '../dependencies.ts';

/**
 * Follows a user. A job notifies them. Following oneself does nothing: the Followed tab has one's own posts anyway.
 *
 * @returns whether the follow is new
 * @throws DomainError `blocked` if one has blocked the other
 */
export async function follow(
  { db, queue }: Dependencies,
  followerId: number,
  followedId: number,
): Promise<boolean> {
  if (followerId === followedId) return false;
  return transact(db, async (trx) => {
    const { numInsertedOrUpdatedRows } = await trx
      .insertInto('follows')
      .values({ follower_id: followerId, followed_id: followedId })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirstOrThrow();
    // Checked afterwards, because the insert's trigger has waited for a concurrent block.
    if (await isBlocked(trx, followerId, followedId)) {
      throw new DomainError('blocked', 'You cannot follow this person.');
    }
    if (numInsertedOrUpdatedRows === 0n) return false;
    await queue.send(notifyQueue, { about: 'follow', followerId, followedId }, { db: trx });
    return true;
  });
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
