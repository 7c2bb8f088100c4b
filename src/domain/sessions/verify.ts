import { sql } from 'kysely';
import type { Db } from '../../schema.ts';

/** How long a session is trusted with what could give an account away, after the password was given. In seconds. */
export const VERIFIED_SECONDS = 10 * 60;

/** Writes down that the password was given again in a session. */
export async function markVerified(db: Db, sessionHash: Buffer): Promise<void> {
  await db
    .updateTable('sessions')
    .set({ verified_at: sql<Date>`now()` })
    .where('token_hash', '=', sessionHash)
    .execute();
}
