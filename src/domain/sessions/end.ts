import type { Db } from '../../schema.ts';
import { hashToken } from '../token.ts';

/** Ends one session, on one device. Ending one that is over already changes nothing. */
export async function endSession(db: Db, token: string): Promise<void> {
  await db.deleteFrom('sessions').where('token_hash', '=', hashToken(token)).execute();
}
