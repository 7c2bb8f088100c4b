import { sql } from 'kysely';
import type { TokenScope } from '../../database/account-tables.ts';
import type { Db } from '../../database/schema.ts';

/** A token as its owner sees it, without the secret, which is not stored. */
export interface ApiToken {
  readonly id: number;
  /** Null if it was obtained with a password. */
  readonly name: string | null;
  readonly scope: TokenScope;
  readonly createdAt: Date;
  /** Null if it lasts until it is revoked. */
  readonly expiresAt: Date | null;
  readonly lastUsedAt: Date | null;
}

/** Whether a row of `api_tokens` has not expired. */
export const IS_VALID = sql<boolean>`(api_tokens.expires_at is null or api_tokens.expires_at > now())`;

/** An account may have any number of tokens without a name. */
const MAX_LISTED = 200;

/** Lists an account's valid tokens: named ones first, each newest first. */
export function listTokens(db: Db, userId: number): Promise<ApiToken[]> {
  return db
    .selectFrom('api_tokens')
    .select(['id', 'name', 'scope', 'created_at as createdAt'])
    .select(['expires_at as expiresAt', 'last_used_at as lastUsedAt'])
    .where('user_id', '=', userId)
    .where(IS_VALID)
    .orderBy(sql`name is null`)
    .orderBy('id', 'desc')
    .limit(MAX_LISTED)
    .execute();
}
