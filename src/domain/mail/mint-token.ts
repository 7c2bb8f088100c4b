import { sql } from 'kysely';
import type { Db, TokenPurpose } from '../../schema.ts';
import { mintToken } from '../token.ts';

/** Mints the token of a mailed link: for one purpose, good for one hour, stored as a hash. */
export async function mintMailedToken(
  db: Db,
  {
    userId,
    purpose,
    emailChangeId,
  }: { userId: number; purpose: TokenPurpose; emailChangeId?: number | undefined },
): Promise<string> {
  const { token, hash } = mintToken();
  await db
    .insertInto('mailed_tokens')
    .values({
      token_hash: hash,
      user_id: userId,
      purpose,
      email_change_id: emailChangeId ?? null,
      expires_at: sql<Date>`now() + interval '1 hour'`,
    })
    .execute();
  return token;
}
