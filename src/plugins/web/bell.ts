import { describeUnread } from '../../domain/notifications/unread.ts';
import type { SessionUser } from '../../domain/sessions/find.ts';

/** The bell in the page's header. Undefined for visitors who get no notifications. */
export function bellOf(user: SessionUser | null) {
  return user?.isConfirmed ? describeUnread(user.unreadCount) : undefined;
}
