import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';

/** Records a user's visit, at most once a minute, even with concurrent requests. */
export async function recordVisit(db: Db, userId: number): Promise<void> {
  await db
    .updateTable('users')
    .set({ last_seen_at: sql<Date>`now()` })
    .where('id', '=', userId)
    .where('last_seen_at', '<', sql<Date>`now() - interval '1 minute'`)
    .execute();
}
