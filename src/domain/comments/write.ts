import { type Kysely, sql } from 'kysely';
import type { Db, Schema } from '../../database/schema.ts';
import { transact } from '../../database/transaction.ts';
import { DomainError, noSuch } from '../../errors.ts';
import type { Queue } from '../../queue/index.ts';
import { notifyQueue } from '../../queues.ts';
import { hasNotBlocked } from '../blocks/hide.ts';
import { RENDERER } from '../markdown/text.ts';
import { recordMentions } from '../mentions/record.ts';
import type { MentioningText } from '../mentions/render.ts';
import { IS_SHOWN } from '../posts/visibility.ts';
import { type Actor, mayChange } from '../posts/write.ts';
import { recordActionByOther, recordEvent, type Why } from '../security-events/record.ts';
import { type CommentSource, noSuchComment, SOURCE_COLUMNS } from './list.ts';

/** A comment to publish. */
export interface NewComment {
  readonly postId: number;
  readonly authorId: number;
  readonly text: MentioningText;
  /** The comment that it replies to. */
  readonly parentId?: number | undefined;
}

/**
 * Publishes a comment and enqueues the job that notifies people of it, in one transaction.
 *
 * @param db a transaction to take part in, or the database to start one
 * @throws DomainError `not-found` if the post does not exist or is hidden, `parent-gone` if the comment that this replies to
 *   was deleted or hidden, or `blocked` if the author of either has blocked this comment's author
 */
export async function publishComment(
  { db, queue }: { db: Db; queue: Queue },
  comment: NewComment,
): Promise<CommentSource> {
  const publish = async (trx: Db) => {
    const published = await insertComment(trx, comment);
    await recordMentions(trx, { commentId: published.id }, comment.text);
    await queue.send(notifyQueue, { about: 'comment', commentId: published.id }, { db: trx });
    return published;
  };
  return db.isTransaction ? publish(db) : transact(db, publish);
}

async function insertComment(db: Db, comment: NewComment): Promise<CommentSource> {
  const columns = ['post_id', 'author_id', 'body', 'body_html', 'renderer', 'parent_id', 'root_id'] as const;
  const inserted = await db
    .insertInto('comments')
    .columns(columns)
    .expression(rowOf(db, comment))
    .returning(SOURCE_COLUMNS)
    .executeTakeFirst();
  if (inserted !== undefined) return inserted;
  throw await whyRefused(db, comment);
}

/** Selects the row to insert, or none if the post or the parent does not accept this comment. */
function rowOf(db: Db, { postId, authorId, parentId, text }: NewComment) {
  const row = db
    .selectFrom('posts')
    .where('posts.id', '=', postId)
    .where(IS_SHOWN)
    .where(hasNotBlocked('posts.author_id', authorId))
    .forNoKeyUpdate('posts') // The lock that the counter's trigger takes.
    .select(({ val }) => ['posts.id as post_id', val(authorId).as('author_id')])
    .select(({ val }) => [
      val(text.body).as('body'),
      val(text.html).as('body_html'),
      val(RENDERER).as('renderer'),
    ]);
  if (parentId === undefined) {
    return row.select([sql<null>`null::int`.as('parent_id'), sql<null>`null::int`.as('root_id')]);
  }
  return row
    .innerJoin('comments as parent', 'parent.post_id', 'posts.id')
    .where('parent.id', '=', parentId)
    .where('parent.is_disabled', '=', false)
    .where(hasNotBlocked('parent.author_id', authorId))
    .forKeyShare('parent') // Otherwise it could be deleted before this commits.
    .select(['parent.id as parent_id', 'parent.thread_id as root_id']);
}

async function whyRefused(db: Db, { postId, authorId, parentId }: NewComment): Promise<DomainError> {
  const post = await db
    .selectFrom('posts')
    .select(hasNotBlocked('posts.author_id', authorId).as('isOpen'))
    .where('id', '=', postId)
    .where(IS_SHOWN)
    .executeTakeFirst();
  if (post === undefined) return noSuch('post');
  if (!post.isOpen) return new DomainError('blocked', 'You cannot comment on posts by this person.');
  const parent = await db
    .selectFrom('comments')
    .select('id')
    .where('id', '=', parentId ?? 0)
    .where('post_id', '=', postId)
    .where('is_disabled', '=', false)
    .executeTakeFirst();
  return parent === undefined
    ? new DomainError('parent-gone', 'The comment you are replying to has been deleted or hidden.')
    : new DomainError('blocked', 'You cannot reply to comments by this person.');
}

/**
 * Deletes a comment. Replies to it stay. Returns the id of its post.
 *
 * @throws DomainError `not-found`, or `forbidden` for anyone but its author and Administrators
 */
export async function deleteComment(db: Kysely<Schema>, actor: Actor, id: number): Promise<number> {
  const comment = await db
    .selectFrom('comments')
    .select(['author_id as authorId', 'post_id as postId'])
    .where('id', '=', id)
    .executeTakeFirstOrThrow(noSuchComment);
  if (!mayChange(actor, comment))
    throw new DomainError('forbidden', 'You can only delete your own comments.');
  const { authorId, postId } = comment;
  await transact(db, async (trx) => {
    // The post first, as in `deletePost`.
    await trx.selectFrom('posts').select('id').where('id', '=', postId).forNoKeyUpdate().execute();
    await trx
      .deleteFrom('comments')
      .where('id', '=', id)
      .returning('id')
      .executeTakeFirstOrThrow(noSuchComment);
    await recordActionByOther(trx, { kind: 'comment-deleted', userId: authorId, detail: { post: postId } });
  });
  return postId;
}

/**
 * Hides a comment's text from everyone but moderators, or shows it again.
 *
 * @throws DomainError `not-found`
 */
export async function setCommentDisabled(
  db: Kysely<Schema>,
  id: number,
  isDisabled: boolean,
  why: Why = {},
): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const comment = await trx
      .selectFrom('comments')
      .select(['author_id as authorId', 'post_id as postId', 'is_disabled as isDisabled'])
      .where('id', '=', id)
      .forNoKeyUpdate()
      .executeTakeFirstOrThrow(noSuchComment);
    if (comment.isDisabled === isDisabled) return;
    await trx.updateTable('comments').set({ is_disabled: isDisabled }).where('id', '=', id).execute();
    await recordEvent(trx, {
      kind: isDisabled ? 'comment-disabled' : 'comment-enabled',
      userId: comment.authorId,
      detail: { post: comment.postId, comment: id, ...why },
    });
  });
}
