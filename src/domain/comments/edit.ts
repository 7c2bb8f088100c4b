import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { transact } from '../../database/transaction.ts';
import { DomainError } from '../../errors.ts';
import { notifyQueue } from '../../queues.ts';
import { can, Permission } from '../accounts/roles.ts';
import { hasNotBlocked } from '../blocks/hide.ts';
import type { Dependencies } from '../dependencies.ts';
import { textColumns } from '../markdown/text.ts';
import { replaceMentions } from '../mentions/record.ts';
import type { MentioningText } from '../mentions/render.ts';
import { type Actor, mayChange } from '../posts/write.ts';
import { recordActionByOther } from '../security-events/record.ts';
import { type CommentSource, findCommentSource, SOURCE_COLUMNS } from './list.ts';

/** How long people can edit their comments: long enough to correct them, too short to change what others replied to. */
export const EDIT_MINUTES = 15;

const TOO_LATE = `Comments can be edited for ${EDIT_MINUTES} minutes.`;
const BLOCKED = 'You cannot edit this comment, because somebody you are replying to has blocked you.';
const HIDDEN = 'A moderator has hidden this comment, so you cannot edit it.';

const IS_RECENT = sql<boolean>`comments.created_at > now() - make_interval(mins => ${sql.lit(EDIT_MINUTES)})`;

/**
 * Whether a user may edit a comment now: its author for 15 minutes, unless a moderator has hidden it, and
 * Administrators always.
 */
export function mayEdit(
  actor: Actor | null,
  comment: Pick<CommentSource, 'authorId' | 'createdAt' | 'isDisabled'>,
): boolean {
  if (can(actor, Permission.ADMIN)) return true;
  const isRecent = Date.now() - comment.createdAt.getTime() < EDIT_MINUTES * 60_000;
  return mayChange(actor, comment) && isRecent && !comment.isDisabled;
}

/**
 * Loads a comment to be edited.
 *
 * @throws DomainError `not-found`, `forbidden` for anyone but its author and Administrators, `edit-too-late` unless `mayEdit`,
 *   or `blocked` if the author of the post, or of the comment that it replies to, has blocked its author since
 */
export async function loadCommentForEdit(db: Db, actor: Actor, id: number): Promise<CommentSource> {
  const comment = await findCommentSource(db, id);
  if (!mayChange(actor, comment)) throw new DomainError('forbidden', 'You can only edit your own comments.');
  if (!mayEdit(actor, comment))
    throw new DomainError('edit-too-late', comment.isDisabled ? HIDDEN : TOO_LATE);
  if (!can(actor, Permission.ADMIN) && (await isBlockedFrom(db, actor.id, comment)))
    throw new DomainError('blocked', BLOCKED);
  return comment;
}

/** Whether the author of the post, or of the comment replied to, has blocked a person. */
async function isBlockedFrom(
  db: Db,
  personId: number,
  { postId, parentId }: Pick<CommentSource, 'postId' | 'parentId'>,
): Promise<boolean> {
  const answered = await db
    .selectFrom('posts')
    .leftJoin('comments as parent', (join) => join.on('parent.id', '=', parentId))
    .select('posts.id')
    .where('posts.id', '=', postId)
    .where(hasNotBlocked('posts.author_id', personId))
    .where(hasNotBlocked('parent.author_id', personId))
    .executeTakeFirst();
  return answered === undefined;
}

/**
 * Replaces the text of a comment, if the user still may. A job notifies people that it did not mention before.
 *
 * @param versions that the edit may be based on; undefined for any
 * @throws DomainError as `loadCommentForEdit`, or `edit-conflict` if the comment has changed since
 */
export async function updateComment(
  { db, queue }: Dependencies,
  actor: Actor,
  { id, text, versions }: { id: number; text: MentioningText; versions: readonly number[] | undefined },
): Promise<CommentSource> {
  return transact(db, async (trx) => {
    let update = trx
      .updateTable('comments')
      .set(({ eb }) => ({
        ...textColumns(text),
        version: eb('version', '+', 1),
        edited_at: sql`now()`,
      }))
      .where('id', '=', id);
    if (!can(actor, Permission.ADMIN)) {
      update = update.where('author_id', '=', actor.id).where('is_disabled', '=', false).where(IS_RECENT);
    }
    if (versions !== undefined) update = update.where(sql<boolean>`version = any(${versions}::int[])`);
    const updated = await update.returning(SOURCE_COLUMNS).executeTakeFirst();
    if (updated === undefined) {
      await loadCommentForEdit(trx, actor, id);
      throw new DomainError('edit-conflict', 'The comment has changed since you started editing.');
    }
    const { authorId: userId, postId: post } = updated;
    await recordActionByOther(trx, { kind: 'comment-edited', userId, detail: { post, comment: id } });
    const added = await replaceMentions(trx, { commentId: id }, text);
    if (added.length > 0) await queue.send(notifyQueue, { about: 'comment', commentId: id }, { db: trx });
    return updated;
  });
}
