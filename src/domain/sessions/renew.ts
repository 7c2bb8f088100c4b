import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { hashToken, mintToken } from '../token.ts';

/** How many seconds after giving the password a session may open sensitive pages. */
export const VERIFIED_SECONDS = 10 * 60;

/**
 * Replaces a session's token. A stolen copy of the old one stops working.
 *
 * @param options.isVerified whether the password was just given
 * @returns the new token
 */
export async function renewSession(
  db: Db,
  oldToken: string,
  { isVerified }: { isVerified: boolean },
): Promise<string> {
  const { token, hash } = mintToken();
  await db
    .updateTable('sessions')
    .set({ token_hash: hash, ...(isVerified && { verified_at: sql<Date>`now()` }) })
    .where('token_hash', '=', hashToken(oldToken))
    .execute();
  return token;
}
