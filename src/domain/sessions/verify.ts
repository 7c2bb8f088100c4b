import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { hashToken, mintToken } from '../token.ts';

/** How many seconds after giving the password a session may open sensitive pages. */
export const VERIFIED_SECONDS = 10 * 60;

/** Records that the password was given again. Returns the session's new token; the old one stops working. */
export async function renewVerified(db: Db, oldToken: string): Promise<string> {
  const { token, hash } = mintToken();
  await db
    .updateTable('sessions')
    .set({ token_hash: hash, verified_at: sql<Date>`now()` })
    .where('token_hash', '=', hashToken(oldToken))
    .execute();
  return token;
}
