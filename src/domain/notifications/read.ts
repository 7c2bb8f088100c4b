import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { Db, NotificationKind, Schema } from '../../database/schema.ts';
import { noSuch } from '../../errors.ts';
import { announce } from './announce.ts';

/** The subject of a notification, which decides the page it leads to. */
export interface Subject {
  readonly kind: NotificationKind;
  readonly postId: number | null;
  readonly commentId: number | null;
  readonly actorUsername: string | null;
}

/**
 * Finds the subject of a person's notification.
 *
 * @throws DomainError `not-found`, also for somebody else's
 */
export function findSubject(db: Db, userId: number, id: number): Promise<Subject> {
  return db
    .selectFrom('notifications')
    .leftJoin('users as actor', 'actor.id', 'actor_id')
    .select(['kind', 'post_id as postId', 'comment_id as commentId', 'actor.username as actorUsername'])
    .where('notifications.id', '=', id)
    .where('recipient_id', '=', userId)
    .executeTakeFirstOrThrow(() => noSuch('notification'));
}

/** Marks a person's notification as read and, if it is a like, the other likes of the same post, which are listed with it. */
export function markRead(db: Kysely<Schema>, userId: number, id: number): Promise<void> {
  const isVisited = sql<boolean>`(notifications.id = ${id} or notifications.kind = 'like' and exists (
    select from notifications as visited
    where visited.id = ${id} and visited.kind = 'like' and visited.recipient_id = ${userId}
      and visited.post_id = notifications.post_id
  ))`;
  return db.transaction().execute((trx) => mark(trx, userId, isVisited));
}

/**
 * Marks all of a person's notifications as read.
 *
 * @param lastId the newest one they have seen; newer ones stay unread
 */
export function markAllRead(db: Kysely<Schema>, userId: number, lastId: number): Promise<void> {
  return db.transaction().execute((trx) => mark(trx, userId, sql`id <= ${lastId}`));
}

/**
 * Marks notifications about what somebody did as read, for a person who has muted or blocked them. They are no longer listed,
 * so nothing else could take them off the count.
 *
 * @param trx the transaction that mutes or blocks
 */
export function markReadOf(trx: Db, userId: number, actorId: number): Promise<void> {
  return mark(trx, userId, sql`actor_id = ${actorId}`);
}

async function mark(trx: Db, userId: number, condition: RawBuilder<boolean>): Promise<void> {
  const { numUpdatedRows } = await trx
    .updateTable('notifications')
    .set({ read_at: sql`now()` })
    .where('recipient_id', '=', userId)
    .where('read_at', 'is', null)
    .where(condition)
    .executeTakeFirst();
  if (numUpdatedRows > 0n) await announce(trx, [userId]);
}
