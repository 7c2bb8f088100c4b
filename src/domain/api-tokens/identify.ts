import { sql } from 'kysely';
import type { Role, TokenScope } from '../../database/account-tables.ts';
import type { Db } from '../../database/schema.ts';
import type { Credentials } from '../accounts/find.ts';
import { recordVisit } from '../people/record-visit.ts';
import { hashToken } from '../token.ts';

/** Who a program acts for, and how far it may go. */
export interface ApiClient {
  readonly id: number;
  readonly role: Role;
  readonly isConfirmed: boolean;
  /** Whether they joined less than a day ago, and may do less than others. */
  readonly isNew: boolean;
  readonly followedCount: number;
  readonly scope: TokenScope;
  /** Null when it gave a password. */
  readonly tokenId: number | null;
  /** Of the password that it gave; null when it gave a token. */
  readonly passwordHash: string | null;
}

/** Who a token belongs to; undefined when it is unknown, expired or revoked. Writes down, now and then, that it is used. */
export async function identifyByToken(db: Db, token: string): Promise<ApiClient | undefined> {
  const row = await db
    .selectFrom('api_tokens')
    .innerJoin('users', 'users.id', 'api_tokens.user_id')
    .select(['users.id', 'users.role', 'api_tokens.scope', 'api_tokens.id as tokenId'])
    .select('users.followed_count as followedCount')
    .select(sql<boolean>`users.confirmed_at is not null`.as('isConfirmed'))
    .select(sql<boolean>`users.created_at > now() - interval '1 day'`.as('isNew'))
    .select(
      sql<boolean>`coalesce(api_tokens.last_used_at < now() - interval '1 minute', true)`.as('isUseStale'),
    )
    .where('token_hash', '=', hashToken(token))
    .where(({ or, eb }) => or([eb('expires_at', 'is', null), eb('expires_at', '>', sql<Date>`now()`)]))
    .executeTakeFirst();
  if (row === undefined) return undefined;
  const { isUseStale, ...client } = row;
  if (isUseStale) await recordUse(db, client);
  return { ...client, passwordHash: null };
}

/** Who an account is that gave its password. */
export async function identifyByAccount(
  db: Db,
  { id, passwordHash }: Credentials,
): Promise<ApiClient | undefined> {
  const account = await db
    .selectFrom('users')
    .select(['id', 'role', 'followed_count as followedCount'])
    .select(sql<boolean>`confirmed_at is not null`.as('isConfirmed'))
    .select(sql<boolean>`created_at > now() - interval '1 day'`.as('isNew'))
    .where('id', '=', id)
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
