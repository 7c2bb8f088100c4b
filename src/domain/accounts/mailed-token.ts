import { sql } from 'kysely';
import type { Db, TokenPurpose } from '../../schema.ts';
import { hashToken } from '../token.ts';

/** Whether a mailed link would still do what it is for. Looking does not use the link up. */
export async function isTokenValid(db: Db, purpose: TokenPurpose, token: string): Promise<boolean> {
  const found = await db
    .selectFrom('mailed_tokens')
    .select('user_id')
    .where('token_hash', '=', hashToken(token))
    .where('purpose', '=', purpose)
    .where('expires_at', '>', sql<Date>`now()`)
    .executeTakeFirst();
  return found !== undefined;
}

/** Uses a mailed link up, in one statement. Returns whose it was, or undefined when it is not good. */
export async function useToken(
  db: Db,
  purpose: TokenPurpose,
  token: string,
): Promise<{ userId: number; emailChangeId: number | null } | undefined> {
  return db
    .deleteFrom('mailed_tokens')
    .where('token_hash', '=', hashToken(token))
    .where('purpose', '=', purpose)
    .where('expires_at', '>', sql<Date>`now()`)
    .returning(['user_id as userId', 'email_change_id as emailChangeId'])
    .executeTakeFirst();
}
