import { describeUnread } from '../../domain/notifications/unread.ts';
import type { SessionUser } from '../../domain/sessions/find.ts';

/** The bell in the header of a visitor's pages. Undefined for those who get no notifications. */
export function bellOf(user: SessionUser | null) {
  return user?.isConfirmed ? describeUnread(user.unreadCount) : undefined;
}
