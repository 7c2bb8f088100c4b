import { sql } from 'kysely';
import type { Db, TokenPurpose } from '../../schema.ts';
import { hashToken } from '../token.ts';

/** The token of a mailed link, while it is good for one of these purposes. Looking does not use the link up. */
export function goodTokens(db: Db, purposes: readonly TokenPurpose[], token: string) {
  return db
    .selectFrom('mailed_tokens')
    .where('token_hash', '=', hashToken(token))
    .where('purpose', 'in', purposes)
    .where('expires_at', '>', sql<Date>`now()`);
}

/** Whether a mailed link would still do what it is for. */
export async function isTokenValid(db: Db, purpose: TokenPurpose, token: string): Promise<boolean> {
  return (await goodTokens(db, [purpose], token).select('user_id').executeTakeFirst()) !== undefined;
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
