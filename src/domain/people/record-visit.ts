import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { currentOrigin } from '../security-events/origin.ts';

const MINUTE_AGO = sql<Date>`now() - interval '1 minute'`;

/** Records a user's visit, at most once a minute, even with concurrent requests. */
export async function recordVisit(db: Db, userId: number): Promise<void> {
  await db
    .updateTable('users')
    .set({ last_seen_at: sql<Date>`now()` })
    .where('id', '=', userId)
    .where('last_seen_at', '<', MINUTE_AGO)
    .execute();
}

/** Records a visit with a session, and the time and address in the session. */
export async function recordVisitOfSession(db: Db, userId: number, tokenHash: Buffer): Promise<void> {
  await db
    .with('session', (trx) =>
      trx
        .updateTable('sessions')
        .set({ last_seen_at: sql<Date>`now()`, address: sql`${currentOrigin().address}::inet` })
        .where('token_hash', '=', tokenHash)
        .where('last_seen_at', '<', MINUTE_AGO),
    )
    .updateTable('users')
    .set({ last_seen_at: sql<Date>`now()` })
    .where('id', '=', userId)
    .where('last_seen_at', '<', MINUTE_AGO)
    .execute();
}
