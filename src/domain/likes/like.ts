import type { Db } from '../../database/schema.ts';
import { transact } from '../../database/transaction.ts';
import { DomainError, noSuch } from '../../errors.ts';
import { notifyQueue } from '../../queues.ts';
import { hasNotBlocked } from '../blocks/hide.ts';
import type { Dependencies } from '../dependencies.ts';
import { IS_SHOWN } from '../posts/visibility.ts';
import { deleteMark, insertMark, type Mark } from './mark.ts';

/**
 * Likes a post, and enqueues the job that notifies its author of a new like.
 *
 * @throws DomainError `not-found` if the post does not exist or is hidden, `forbidden` for one's own, or `blocked` if its
 *   author has blocked the other
 */
export async function like({ db, queue }: Dependencies, mark: Mark): Promise<void> {
  await requireLikeable(db, mark);
  await transact(db, async (trx) => {
    if (await insertMark(trx, 'likes', mark))
      await queue.send(notifyQueue, { about: 'like', ...mark }, { db: trx });
  });
}

async function requireLikeable(db: Db, { userId, postId }: Mark): Promise<void> {
  const post = await db
    .selectFrom('posts')
    .select('author_id as authorId')
    .select(hasNotBlocked('posts.author_id', userId).as('isOpen'))
    .where('id', '=', postId)
    .where(IS_SHOWN)
    .executeTakeFirstOrThrow(() => noSuch('post'));
  if (post.authorId === userId) throw new DomainError('forbidden', 'You cannot like your own posts.');
  if (!post.isOpen) throw new DomainError('blocked', 'You cannot like posts by this person.');
}

/** Removes a like. Does nothing if there is none. */
export function unlike(db: Db, mark: Mark): Promise<void> {
  return deleteMark(db, 'likes', mark);
}
