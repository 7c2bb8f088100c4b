import type { Kysely } from 'kysely';
import type { Db, Schema } from '../../database/schema.ts';
import { transact } from '../../database/transaction.ts';
import { DomainError, noSuch } from '../../errors.ts';
import type { Queue } from '../../queue/contracts.ts';
import { RENDERER, type Rendered } from '../markdown/text.ts';
import { IS_SHOWN } from '../posts/list.ts';
import { type Actor, mayChange } from '../posts/write.ts';
import { recordActionByOther, recordEvent, type Why } from '../security-events/record.ts';
import { type CommentSource, SOURCE_COLUMNS } from './list.ts';
import { enqueueCommentNotice, NEXT_NOTICE_AT } from './notice.ts';

/**
 * Publishes a comment and enqueues the job that notifies the post's author, in one transaction.
 *
 * @param db a transaction to take part in, or the database to start one
 * @throws DomainError `not-found` if the post does not exist or is hidden, or `blocked` if its author has blocked the other
 */
export async function publishComment(
  { db, queue }: { db: Db; queue: Queue },
  comment: { postId: number; authorId: number; text: Rendered },
): Promise<CommentSource> {
  const publish = async (trx: Db) => {
    const { nextNoticeAt, ...published } = await insertComment(trx, comment);
    await enqueueCommentNotice({ db: trx, queue }, { postId: comment.postId, nextNoticeAt });
    return published;
  };
  return db.isTransaction ? publish(db) : transact(db, publish);
}

async function insertComment(
  db: Db,
  { postId, authorId, text }: { postId: number; authorId: number; text: Rendered },
): Promise<CommentSource & { nextNoticeAt: Date | null }> {
  const inserted = await db
    .insertInto('comments')
    .columns(['post_id', 'author_id', 'body', 'body_html', 'renderer'])
    .expression((from) =>
      from
        .selectFrom('posts')
        .where('posts.id', '=', postId)
        .where(IS_SHOWN)
        .where(({ not, exists, selectFrom }) => {
          const block = selectFrom('blocks').select('kind').where('kind', '=', 'block');
          return not(
            exists(block.whereRef('blocker_id', '=', 'posts.author_id').where('blocked_id', '=', authorId)),
          );
        })
        .forNoKeyUpdate() // As the counter's trigger needs it.
        .select(({ val }) => [
          'posts.id',
          val(authorId).as('author_id'),
          val(text.body).as('body'),
          val(text.html).as('body_html'),
          val(RENDERER).as('renderer'),
        ]),
    )
    .returning(SOURCE_COLUMNS)
    .returning(NEXT_NOTICE_AT.as('nextNoticeAt'))
    .executeTakeFirst();
  if (inserted !== undefined) return inserted;
  const post = await db
    .selectFrom('posts')
    .select('id')
    .where('id', '=', postId)
    .where(IS_SHOWN)
    .executeTakeFirst();
  if (post === undefined) throw noSuch('post');
  throw new DomainError('blocked', 'You cannot comment on posts by this person.');
}

/**
 * Deletes a comment. Returns the id of its post.
 *
 * @throws DomainError `not-found`, or `forbidden` for anyone but its author and Administrators
 */
export async function deleteComment(db: Kysely<Schema>, actor: Actor, id: number): Promise<number> {
  const comment = await db
    .selectFrom('comments')
    .select(['author_id as authorId', 'post_id as postId'])
    .where('id', '=', id)
    .executeTakeFirstOrThrow(() => noSuch('comment'));
  if (!mayChange(actor, comment))
    throw new DomainError('forbidden', 'You can only delete your own comments.');
  const { authorId, postId } = comment;
  await transact(db, async (trx) => {
    // The post first, as in `deletePost`.
    await trx.selectFrom('posts').select('id').where('id', '=', postId).forNoKeyUpdate().execute();
    await trx.deleteFrom('comments').where('id', '=', id).execute();
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
      .executeTakeFirstOrThrow(() => noSuch('comment'));
    if (comment.isDisabled === isDisabled) return;
    await trx.updateTable('comments').set({ is_disabled: isDisabled }).where('id', '=', id).execute();
    await recordEvent(trx, {
      kind: isDisabled ? 'comment-disabled' : 'comment-enabled',
      userId: comment.authorId,
      detail: { post: comment.postId, comment: id, ...why },
    });
  });
}
