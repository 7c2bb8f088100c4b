import { sql } from 'kysely';
import type { TokenScope } from '../../database/account-tables.ts';
import type { Db } from '../../database/schema.ts';

/** A token as its owner sees it: never the secret itself, which nobody has but who was given it. */
export interface ApiToken {
  readonly id: number;
  /** Null for one that was got with a password. */
  readonly name: string | null;
  readonly scope: TokenScope;
  readonly createdAt: Date;
  /** Null for one that lasts until it is revoked. */
  readonly expiresAt: Date | null;
  readonly lastUsedAt: Date | null;
}

/** How many tokens a list has at most: of those without a name, an account may have any number. */
const MOST_LISTED = 200;

/** The tokens of an account that are still good, those with a name first, then the newest first. */
export function listTokens(db: Db, userId: number): Promise<ApiToken[]> {
  return db
    .selectFrom('api_tokens')
    .select(['id', 'name', 'scope', 'created_at as createdAt'])
    .select(['expires_at as expiresAt', 'last_used_at as lastUsedAt'])
    .where('user_id', '=', userId)
    .where(({ or, eb }) => or([eb('expires_at', 'is', null), eb('expires_at', '>', sql<Date>`now()`)]))
    .orderBy(sql`name is null`)
    .orderBy('id', 'desc')
    .limit(MOST_LISTED)
    .execute();
}
