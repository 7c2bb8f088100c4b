import type { Db } from '../../database/schema.ts';
import type { Mark } from '../likes/like.ts';
import { findPostSource } from '../posts/list.ts';

/**
 * Bookmarks a post for a person. Does nothing if it is bookmarked already.
 *
 * @throws DomainError `not-found` if the post does not exist or is hidden
 */
export async function bookmark(db: Db, { userId, postId }: Mark): Promise<void> {
  await findPostSource(db, postId, false);
  await db
    .insertInto('bookmarks')
    .columns(['user_id', 'post_id'])
    // A post that was deleted in the meantime cannot be bookmarked.
    .expression(({ selectFrom }) =>
      selectFrom('posts')
        .select(({ val }) => [val(userId).as('user_id'), 'id'])
        .where('id', '=', postId)
        .forKeyShare(),
    )
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** Removes a bookmark. Does nothing if there is none. */
export async function removeBookmark(db: Db, { userId, postId }: Mark): Promise<void> {
  await db.deleteFrom('bookmarks').where('user_id', '=', userId).where('post_id', '=', postId).execute();
}
