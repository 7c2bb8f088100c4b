import { DomainError } from '../../errors.ts';
import type { Queue } from '../../queues.ts';
import type { Db } from '../../schema.ts';
import { renderComment } from '../markdown.ts';
import { type Actor, mayChange } from '../posts/write.ts';
import { announceComment } from './notice.ts';

/**
 * Publishes a comment, and sees to it that the post's author hears of it.
 *
 * @throws DomainError `not-found` when the post is gone
 */
export async function publishComment(
  { db, queue }: { db: Db; queue: Queue },
  comment: { postId: number; authorId: number; body: string },
): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await insertComment(trx, comment);
    await announceComment({ db: trx, queue }, comment.postId);
  });
}

async function insertComment(
  db: Db,
  { postId, authorId, body }: { postId: number; authorId: number; body: string },
): Promise<void> {
  const { numInsertedOrUpdatedRows } = await db
    .insertInto('comments')
    .columns(['post_id', 'author_id', 'body', 'body_html'])
    .expression((from) =>
      from
        .selectFrom('posts')
        .where('posts.id', '=', postId)
        .forKeyShare()
        .select(({ val }) => [
          'posts.id',
          val(authorId).as('author_id'),
          val(body).as('body'),
          val(renderComment(body)).as('body_html'),
        ]),
    )
    .executeTakeFirstOrThrow();
  if (numInsertedOrUpdatedRows === 0n) throw new DomainError('not-found', 'There is no such post.');
}

/**
 * Deletes a comment. Returns the post it stood under.
 *
 * @throws DomainError `not-found`, or `forbidden` to anybody but its author and an Administrator
 */
export async function deleteComment(db: Db, actor: Actor, id: number): Promise<number> {
  const comment = await db
    .selectFrom('comments')
    .select(['author_id as authorId', 'post_id as postId'])
    .where('id', '=', id)
    .executeTakeFirst();
  if (comment === undefined) throw new DomainError('not-found', 'There is no such comment.');
  if (!mayChange(actor, comment)) throw new DomainError('forbidden', 'Only its author may delete a comment.');
  await db.deleteFrom('comments').where('id', '=', id).execute();
  return comment.postId;
}

/**
 * Hides a comment's text from everybody but moderators, or shows it again.
 *
 * @throws DomainError `not-found`
 */
export async function setCommentDisabled(db: Db, id: number, isDisabled: boolean): Promise<void> {
  const { numUpdatedRows } = await db
    .updateTable('comments')
    .set({ is_disabled: isDisabled })
    .where('id', '=', id)
    .executeTakeFirst();
  if (numUpdatedRows === 0n) throw new DomainError('not-found', 'There is no such comment.');
}
