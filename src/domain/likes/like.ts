import type { Kysely } from 'kysely';
import type { Db, Schema } from '../../database/schema.ts';
import { transact } from '../../database/transaction.ts';
import { DomainError, noSuch } from '../../errors.ts';
import { notifyQueue, type Queue } from '../../queue/contracts.ts';

/** A person and the post that they like or keep. */
export interface Mark {
  readonly userId: number;
  readonly postId: number;
}

/**
 * Likes a post, and enqueues the job that notifies its author of a new like.
 *
 * @throws DomainError `not-found` if the post does not exist or is hidden, `forbidden` for one's own, or `blocked` if its
 *   author has blocked the other
 */
export async function like({ db, queue }: { db: Kysely<Schema>; queue: Queue }, mark: Mark): Promise<void> {
  await requireLikeable(db, mark);
  await transact(db, async (trx) => {
    if (await insertLike(trx, mark)) await queue.send(notifyQueue, { about: 'like', ...mark }, { db: trx });
  });
}

async function requireLikeable(db: Db, { userId, postId }: Mark): Promise<void> {
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
}

/** Returns whether the like is new. */
async function insertLike(db: Db, { userId, postId }: Mark): Promise<boolean> {
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
export async function unlike({ db }: { db: Db }, { userId, postId }: Mark): Promise<void> {
  await db.deleteFrom('likes').where('user_id', '=', userId).where('post_id', '=', postId).execute();
}
