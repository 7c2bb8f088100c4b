import { sql } from 'kysely';
import type { TokenScope } from '../../database/account-tables.ts';
import type { Db } from '../../database/schema.ts';
import type { Credentials } from '../accounts/find.ts';
import type { Standing } from '../accounts/roles.ts';
import { IS_CONFIRMED, IS_OPEN, SILENCED_UNTIL } from '../accounts/standing.ts';
import { recordVisit } from '../people/record-visit.ts';
import { hashToken } from '../token.ts';
import { IS_VALID } from './list.ts';

/** The account that an API request acts for, and what it may do. */
export interface ApiClient extends Standing {
  readonly id: number;
  /** Whether the account is less than a day old, so lower limits apply. */
  readonly isNew: boolean;
  readonly followedCount: number;
  readonly scope: TokenScope;
  /** Null if it authenticated with a password. */
  readonly tokenId: number | null;
  /** The verified password hash; null if it authenticated with a token. */
  readonly passwordHash: string | null;
}

/** Finds a token's account; undefined if the token is unknown, expired or revoked. Records its use once a minute. */
export async function identifyByToken(db: Db, token: string): Promise<ApiClient | undefined> {
  const row = await db
    .selectFrom('api_tokens')
    .innerJoin('users', 'users.id', 'api_tokens.user_id')
    .select(['users.id', 'users.role', 'api_tokens.scope', 'api_tokens.id as tokenId'])
    .select('users.followed_count as followedCount')
    .select(IS_CONFIRMED.as('isConfirmed'))
    .select(SILENCED_UNTIL.as('silencedUntil'))
    .select(sql<boolean>`users.created_at > now() - interval '1 day'`.as('isNew'))
    .select(
      sql<boolean>`coalesce(api_tokens.last_used_at < now() - interval '1 minute', true)`.as('isUseStale'),
    )
    .where('token_hash', '=', hashToken(token))
    .where(IS_VALID)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  const { isUseStale, ...client } = row;
  if (isUseStale) await recordUse(db, client);
  return { ...client, passwordHash: null };
}

/** Loads the account whose password was verified. Undefined if it is closed. */
export async function identifyByAccount(
  db: Db,
  { id, passwordHash }: Credentials,
): Promise<ApiClient | undefined> {
  const account = await db
    .selectFrom('users')
    .select(['id', 'role', 'followed_count as followedCount'])
    .select(IS_CONFIRMED.as('isConfirmed'))
    .select(SILENCED_UNTIL.as('silencedUntil'))
    .select(sql<boolean>`created_at > now() - interval '1 day'`.as('isNew'))
    .where('id', '=', id)
    .where(IS_OPEN)
    .executeTakeFirst();
  return account && { ...account, scope: 'write', tokenId: null, passwordHash };
}

async function recordUse(db: Db, { id, tokenId }: { id: number; tokenId: number }): Promise<void> {
  await db
    .updateTable('api_tokens')
    .set({ last_used_at: sql<Date>`now()` })
    .where('id', '=', tokenId)
    .execute();
  await recordVisit(db, id);
}
