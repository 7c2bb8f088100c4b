import { notify } from '../../database/notify.ts';
import type { Db } from '../../database/schema.ts';

/** The channel for ids of people whose unread notifications have changed. */
export const NOTIFICATIONS_CHANNEL = 'pennypost_notifications';

/** Tells every web process, when the transaction commits, that people's unread notifications have changed. */
export async function announce(db: Db, userIds: readonly number[]): Promise<void> {
  if (userIds.length === 0) return;
  await notify(db, NOTIFICATIONS_CHANNEL, userIds.map(String));
}
