import type { Db } from '../../database/schema.ts';
import { DomainError, noSuch } from '../../errors.ts';

/** A person and the post that they like or keep. */
export interface Mark {
  readonly userId: number;
  readonly postId: number;
}

/**
 * Likes a post. Returns whether this like is new.
 *
 * @throws DomainError `not-found` if the post does not exist or is hidden, `forbidden` for one's own, or `blocked` if its
 *   author has blocked the other
 */
export async function like(db: Db, { userId, postId }: Mark): Promise<boolean> {
  const post = await db
    .selectFrom('posts')
    .select('author_id as authorId')
    .select(({ exists, selectFrom }) =>
      exists(
        selectFrom('blocks')
          .select('kind')
          .where('kind', '=', 'block')
          .whereRef('blocker_id', '=', 'posts.author_id')
          .where('blocked_id', '=', userId),
      ).as('isBlocked'),
    )
    .where('id', '=', postId)
    .where('is_disabled', '=', false)
    .executeTakeFirstOrThrow(() => noSuch('post'));
  if (post.authorId === userId) throw new DomainError('forbidden', 'You cannot like your own posts.');
  if (post.isBlocked) throw new DomainError('blocked', 'You cannot like posts by this person.');
  const { numInsertedOrUpdatedRows } = await db
    .insertInto('likes')
    .columns(['user_id', 'post_id'])
    // A post that was deleted in the meantime cannot be liked.
    .expression(({ selectFrom }) =>
      selectFrom('posts')
        .select(({ val }) => [val(userId).as('user_id'), 'id'])
        .where('id', '=', postId)
        .forKeyShare(),
    )
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirstOrThrow();
  return numInsertedOrUpdatedRows === 1n;
}

/** Takes a like back. Does nothing if there is none. */
export async function unlike(db: Db, { userId, postId }: Mark): Promise<void> {
  await db.deleteFrom('likes').where('user_id', '=', userId).where('post_id', '=', postId).execute();
}
