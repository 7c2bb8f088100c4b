import { sql } from 'kysely';
import type { Db } from '../../schema.ts';
import { hashToken, mintToken } from '../token.ts';

/** How long a session is trusted with what could give an account away, after the password was given. In seconds. */
export const VERIFIED_SECONDS = 10 * 60;

/** Writes down that the password was given again in a session. Returns its new token; the old one is worth nothing. */
export async function renewVerified(db: Db, oldToken: string): Promise<string> {
  const { token, hash } = mintToken();
  await db
    .updateTable('sessions')
    .set({ token_hash: hash, verified_at: sql<Date>`now()` })
    .where('token_hash', '=', hashToken(oldToken))
    .execute();
  return token;
}
