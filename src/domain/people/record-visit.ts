import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';

/** Writes down that somebody is here, at most once a minute, also when many of their requests come at once. */
export async function recordVisit(db: Db, userId: number): Promise<void> {
  await db
    .updateTable('users')
    .set({ last_seen_at: sql<Date>`now()` })
    .where('id', '=', userId)
    .where('last_seen_at', '<', sql<Date>`now() - interval '1 minute'`)
    .execute();
}
