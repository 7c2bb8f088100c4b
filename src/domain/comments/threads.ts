import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { isMutedBy } from '../blocks/hide.ts';
import { htmlInList } from '../markdown/html-in-list.ts';
import { type Page, type PageRequest, type Place, readPage, type Slice } from '../page.ts';
import {
  type CommentFilter,
  type CommentsQuery,
  commentsOf,
  type ListedComment,
  noSuchComment,
  PARENT_AUTHOR,
} from './list.ts';

/** A comment among the others on its post. */
export interface ThreadedComment extends ListedComment {
  readonly threadId: number;
  readonly isReply: boolean;
  /** The comment that it replies to; null if it is not a reply, or if that was deleted. */
  readonly parentId: number | null;
  readonly parentUsername: string | null;
  /** Whether the reader has muted or blocked the parent's author. */
  readonly isParentMuted: boolean;
}

/**
 * Reads one page of a post's comments in threads: comments that are not replies, oldest first, each followed by all replies
 * in its thread, oldest first. The cursors are ids of comments.
 */
export function listThreads(
  db: Db,
  { postId, readerId }: CommentFilter,
  page: PageRequest,
): Promise<Page<ThreadedComment>> {
  return readPage(page, 'asc', (slice) => {
    const { order } = slice;
    // Authors are joined after the comments have been selected; see `readListed` of posts.
    const found = inThreads(commentsOf(db, postId), slice)
      .select(['comments.id', 'comments.post_id as postId', 'comments.author_id as authorId'])
      .select(['comments.thread_id as threadId', 'comments.parent_id as parentId'])
      .select(['comments.is_disabled as isDisabled', 'comments.created_at as createdAt'])
      .select(['comments.edited_at as editedAt', sql<boolean>`comments.root_id is not null`.as('isReply')])
      .select(htmlInList())
      .select(isMutedBy(readerId, 'comments.author_id').as('isMuted'))
      .select([PARENT_AUTHOR.as('parentAuthorId'), isParentMutedBy(readerId).as('isParentMuted')]);
    return db
      .selectFrom(found.as('comment'))
      .innerJoin('users as author', 'author.id', 'comment.authorId')
      .leftJoin('users as parentAuthor', 'parentAuthor.id', 'comment.parentAuthorId')
      .selectAll('comment')
      .select(['author.username as authorUsername', 'author.avatar_seed as authorAvatarSeed'])
      .select(['author.picture_hash as authorPictureHash', 'parentAuthor.username as parentUsername'])
      .orderBy('comment.threadId', order)
      .orderBy('comment.id', order)
      .execute();
  });
}

/**
 * Finds the page that shows a comment: the first page if it is there. Otherwise, the page begins with the comment's thread,
 * or, if the thread is longer than a page, ends with the comment.
 *
 * @param size comments per page
 * @throws DomainError `not-found`
 */
export async function locateComment(
  db: Db,
  id: number,
  size: number,
): Promise<{ postId: number; place: Place }> {
  const { rows } = await sql<{ postId: number; threadId: number; id: number }>`
    select wanted.post_id as "postId", near.thread_id as "threadId", near.id
    from comments as wanted cross join lateral (
      select thread_id, id from comments
      where post_id = wanted.post_id and (thread_id, id) <= (wanted.thread_id, wanted.id)
      order by thread_id desc, id desc limit ${sql.lit(size + 1)}
    ) as near
    where wanted.id = ${id}
    order by near.thread_id desc, near.id desc
  `.execute(db);
  const [wanted] = rows;
  if (wanted === undefined) throw noSuchComment();
  if (rows.length <= size) return { postId: wanted.postId, place: {} };
  const first = rows.findLastIndex(({ threadId }, index) => index < size && threadId === wanted.threadId);
  return { postId: wanted.postId, place: { after: rows[first + 1]?.id } };
}

function isParentMutedBy(readerId: number | undefined) {
  return sql<boolean>`coalesce((
    select ${isMutedBy(readerId, 'parent.author_id')} from comments as parent where parent.id = comments.parent_id
  ), false)`;
}

/** Restricts a post's comments to a slice of its threads, like `inSlice`. */
function inThreads(comments: CommentsQuery, { order, limit, offset, before, after }: Slice): CommentsQuery {
  const place = sql`(comments.thread_id, comments.id)`;
  let found = comments.orderBy('comments.thread_id', order).orderBy('comments.id', order);
  if (before !== undefined) found = found.where(sql<boolean>`${place} < ${placeOf(before)}`);
  if (after !== undefined) found = found.where(sql<boolean>`${place} > ${placeOf(after)}`);
  if (offset > 0) {
    const first = found.select(['comments.thread_id', 'comments.id']).limit(1).offset(offset);
    found = found.where(sql<boolean>`${place} ${order === 'desc' ? sql`<=` : sql`>=`} (${first})`);
  }
  return found.limit(sql.lit(limit));
}

/** The place of a cursor. If its comment was deleted, it counts as the beginning of a thread. */
function placeOf(id: number) {
  return sql`(coalesce((select thread_id from comments where id = ${id}), ${id}), ${id}::int)`;
}
