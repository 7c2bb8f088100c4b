import { sql } from 'kysely';
import type { SecurityEventDetail, SecurityEventKind } from '../../database/account-tables.ts';
import type { Db, NotificationKind } from '../../database/schema.ts';
import { isMutedBy } from '../blocks/hide.ts';
import { inSlice, type Page, type PageRequest, readPage, rowCount } from '../page.ts';

/** A notification in its recipient's list. */
export interface ListedNotification {
  readonly id: number;
  readonly kind: NotificationKind;
  readonly isRead: boolean;
  readonly createdAt: Date;
  /** Who did it; null for a moderator's decision. */
  readonly actorId: number | null;
  readonly actorUsername: string | null;
  readonly actorAvatarSeed: string | null;
  readonly actorPictureHash: string | null;
  readonly postId: number | null;
  /** Also null if a moderator has hidden the post. */
  readonly postTitle: string | null;
  readonly commentId: number | null;
  /** The beginning of the comment's HTML, or else the post's; null if a moderator has hidden it. */
  readonly textHtml: string | null;
  /** A moderator's decision. */
  readonly decision: SecurityEventKind | null;
  readonly detail: SecurityEventDetail | null;
}

/** Characters of a text's HTML, enough for an excerpt. */
const BEGINNING_LENGTH = 2_000;

/** Whose notifications are listed, and whether only unread ones. */
interface Listed {
  readonly recipientId: number;
  readonly isUnread?: boolean | undefined;
}

/** Reads one page of a person's notifications, newest first. */
export function listNotifications(
  db: Db,
  filter: Listed,
  page: PageRequest,
): Promise<Page<ListedNotification>> {
  const listed = ofRecipient(db, filter);
  return readPage(page, 'desc', (slice) =>
    db
      .selectFrom(inSlice(listed, 'notifications', slice).selectAll().as('notification'))
      .leftJoin('users as actor', 'actor.id', 'notification.actor_id')
      .leftJoin('posts', 'posts.id', 'notification.post_id')
      .leftJoin('comments', 'comments.id', 'notification.comment_id')
      .leftJoin('security_events as event', 'event.id', 'notification.event_id')
      .select(['notification.id', 'notification.kind', 'notification.created_at as createdAt'])
      .select(sql<boolean>`notification.read_at is not null`.as('isRead'))
      .select(['notification.actor_id as actorId', 'actor.username as actorUsername'])
      .select(['actor.avatar_seed as actorAvatarSeed', 'actor.picture_hash as actorPictureHash'])
      .select(['notification.post_id as postId', 'notification.comment_id as commentId'])
      .select(sql<string | null>`case when not posts.is_disabled then posts.title end`.as('postTitle'))
      .select(
        sql<string | null>`case when not coalesce(comments.is_disabled, posts.is_disabled)
          then left(coalesce(comments.body_html, posts.body_html), ${sql.lit(BEGINNING_LENGTH)}) end`.as(
          'textHtml',
        ),
      )
      .select(['event.kind as decision', 'event.detail'])
      .select(isMutedBy(filter.recipientId, 'notification.actor_id').as('isMuted'))
      .orderBy('notification.id', slice.order)
      .execute(),
  );
}

const MAX_COUNTED = 10_000;

/** Counts a person's notifications, up to MAX_COUNTED. */
export async function countNotifications(db: Db, filter: Listed): Promise<number> {
  const listed = ofRecipient(db, filter).select('id').limit(sql.lit(MAX_COUNTED));
  const { total } = await db
    .selectFrom(listed.as('listed'))
    .select(rowCount.as('total'))
    .executeTakeFirstOrThrow();
  return total;
}

function ofRecipient(db: Db, { recipientId, isUnread }: Listed) {
  const own = db.selectFrom('notifications').where('notifications.recipient_id', '=', recipientId);
  return isUnread ? own.where('notifications.read_at', 'is', null) : own;
}
