import type { Db } from '../../database/schema.ts';
import { deleteMark, insertMark, type Mark } from '../likes/mark.ts';
import { findPostSource } from '../posts/list.ts';

/**
 * Bookmarks a post for a person. Does nothing if it is bookmarked already.
 *
 * @throws DomainError `not-found` if the post does not exist or is hidden
 */
export async function bookmark(db: Db, mark: Mark): Promise<void> {
  await findPostSource(db, mark.postId, false);
  await insertMark(db, 'bookmarks', mark);
}

/** Removes a bookmark. Does nothing if there is none. */
export function removeBookmark(db: Db, mark: Mark): Promise<void> {
  return deleteMark(db, 'bookmarks', mark);
}
