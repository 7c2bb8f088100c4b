import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';

/** The channel with the ids of people whose unread notifications have changed. */
export const NOTIFICATIONS_CHANNEL = 'pennypost_notifications';

/** Tells every web process, when the transaction commits, that people's unread notifications have changed. */
export async function announce(db: Db, userIds: readonly number[]): Promise<void> {
  if (userIds.length === 0) return;
  await sql`
    select pg_notify(${NOTIFICATIONS_CHANNEL}, user_id::text) from unnest(${userIds}::int[]) as user_id
  `.execute(db);
}
