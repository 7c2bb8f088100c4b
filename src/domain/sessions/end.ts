import type { Db } from '../../database/schema.ts';
import { hashToken } from '../token.ts';

/** Ends a session. Does nothing if it has already ended. */
export async function endSession(db: Db, token: string): Promise<void> {
  await db.deleteFrom('sessions').where('token_hash', '=', hashToken(token)).execute();
}
