import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { commentNoticeQueue, mailQueue, type Queue } from '../../queue/contracts.ts';
import { isMutedBy } from '../blocks/hide.ts';
import { pathOfPost } from '../posts/path.ts';

/** A post's author gets at most one mail an hour about it; comments in between are collected. */
const NEXT_MAIL_AT = sql<Date>`mailed_at + interval '1 hour'`;

/** Comments that a mail quotes. */
const QUOTED = 10;

/** For a statement that returns a comment: an hour after the last mail about its post; null if there was none. */
export const NEXT_NOTICE_AT = sql<Date | null>`(
  select ${NEXT_MAIL_AT} from comment_notices as notice where notice.post_id = comments.post_id)`;

/**
 * Enqueues the job that notifies a post's author of a new comment.
 *
 * @param db the transaction that publishes the comment
 * @param nextNoticeAt `NEXT_NOTICE_AT` of the comment. If a mail has just been sent, the job itself waits an hour.
 */
export async function enqueueCommentNotice(
  { db, queue }: { db: Db; queue: Queue },
  { postId, nextNoticeAt }: { postId: number; nextNoticeAt: Date | null },
): Promise<void> {
  await queue.send(commentNoticeQueue, { postId }, { db, ...(nextNoticeAt && { startAfter: nextNoticeAt }) });
}

/**
 * Enqueues one mail about all comments by others since the last mail. If an hour has not passed yet, enqueues itself for
 * later. Does nothing if there are no new comments or the author wants no such mail.
 */
export async function notifyAuthor({ db, queue }: { db: Db; queue: Queue }, postId: number): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const post = await trx
      .selectFrom('posts')
      .innerJoin('users', 'users.id', 'posts.author_id')
      .select(['author_id as authorId', 'wants_comment_mails as wantsMails'])
      .where('posts.id', '=', postId)
      .forUpdate('posts')
      .executeTakeFirst();
    if (!post?.wantsMails) return;

    const notice = await trx
      .selectFrom('comment_notices')
      .select('last_comment_id as lastId')
      .select(NEXT_MAIL_AT.as('nextAt'))
      .select(sql<boolean>`${NEXT_MAIL_AT} > now()`.as('isTooSoon'))
      .where('post_id', '=', postId)
      .executeTakeFirst();
    const { first, last } = await commentsByOthers(trx, postId, post.authorId)
      .select(({ fn }) => [fn.min('comments.id').as('first'), fn.max('comments.id').as('last')])
      .where('comments.id', '>', notice?.lastId ?? 0)
      .executeTakeFirstOrThrow();
    if (first === null || last === null) return;
    if (notice?.isTooSoon) {
      await queue.send(commentNoticeQueue, { postId }, { db: trx, startAfter: notice.nextAt });
      return;
    }

    await trx
      .insertInto('comment_notices')
      .values({ post_id: postId, last_comment_id: last })
      .onConflict((conflict) =>
        conflict.column('post_id').doUpdateSet({ last_comment_id: last, mailed_at: sql`now()` }),
      )
      .execute();
    const comments = { postId, firstCommentId: first, lastCommentId: last };
    await queue.send(
      mailQueue,
      { template: 'new-comments', userId: post.authorId, ...comments },
      { db: trx },
    );
  });
}

/** Loads the comments for the mail, without those deleted or hidden since. Undefined if none is left. */
export async function loadNewComments(
  db: Db,
  {
    userId,
    postId,
    firstCommentId,
    lastCommentId,
  }: { userId: number; postId: number; firstCommentId: number; lastCommentId: number },
): Promise<object | undefined> {
  const comments = await commentsByOthers(db, postId, userId)
    .innerJoin('users', 'users.id', 'comments.author_id')
    .innerJoin('posts', 'posts.id', 'comments.post_id')
    .select(['username', 'comments.body', 'posts.title'])
    .select(({ fn }) => fn.countAll<string>().over().as('total'))
    .where('comments.id', '>=', firstCommentId)
    .where('comments.id', '<=', lastCommentId)
    .orderBy('comments.id')
    .limit(QUOTED)
    .execute();
  const [first] = comments;
  if (first === undefined) return undefined;
  const total = Number(first.total);
  const { title } = first;
  const postPath = `${pathOfPost({ id: postId, title })}#comments`;
  return { comments, total, omitted: total - comments.length, title, postPath };
}

/** The comments on a post that its author is notified of. */
function commentsByOthers(db: Db, postId: number, authorId: number) {
  return db
    .selectFrom('comments')
    .where('comments.post_id', '=', postId)
    .where('comments.author_id', '<>', authorId)
    .where(sql<boolean>`not ${isMutedBy(authorId, 'comments.author_id')}`)
    .where('comments.is_disabled', '=', false);
}
