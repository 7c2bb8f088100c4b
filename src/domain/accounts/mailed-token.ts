import { type NotNull, sql, type Transaction } from 'kysely';
import type { TokenPurpose } from '../../database/account-tables.ts';
import type { Db, Schema } from '../../database/schema.ts';
import { hashToken } from '../token.ts';
import { HAS_TWO_FACTOR } from './standing.ts';

/** Whether the account still has the address that the link was sent to, for links bound to it. */
const isSentToTheAccount = sql<boolean>`
  (sent_to is null or lower(sent_to) = (select lower(users.email) from users where users.id = mailed_tokens.user_id))
`;

/** Selects a mailed link if it is valid for one of these purposes. Does not consume it. */
export function validTokens(db: Db, purposes: readonly TokenPurpose[], token: string) {
  return db
    .selectFrom('mailed_tokens')
    .where('token_hash', '=', hashToken(token))
    .where('purpose', 'in', purposes)
    .where('expires_at', '>', sql<Date>`now()`)
    .where(isSentToTheAccount);
}

/** Finds the owner of a valid mailed link. */
export function findTokenOwner(
  db: Db,
  purpose: TokenPurpose,
  token: string,
): Promise<{ id: number; username: string; email: string; hasTwoFactor: boolean } | undefined> {
  return db
    .selectFrom('users')
    .select(['id', 'username', 'email', HAS_TWO_FACTOR.as('hasTwoFactor')])
    .where('id', '=', validTokens(db, [purpose], token).select('user_id'))
    .executeTakeFirst();
}

/** Whether a mailed link is valid. */
export async function isTokenValid(db: Db, purpose: TokenPurpose, token: string): Promise<boolean> {
  return (await validTokens(db, [purpose], token).select('user_id').executeTakeFirst()) !== undefined;
}

/**
 * Consumes a mailed link. Locks the account's row first, to serialise concurrent uses of its links.
 *
 * @returns the link's account and change of email, or undefined if the link is invalid
 */
export async function useToken(
  trx: Transaction<Schema>,
  purpose: TokenPurpose,
  token: string,
): Promise<{ userId: number; emailChangeId: number | null } | undefined> {
  await trx
    .selectFrom('users')
    .select('id')
    .where('id', '=', ({ selectFrom }) =>
      selectFrom('mailed_tokens').select('user_id').where('token_hash', '=', hashToken(token)),
    )
    .forUpdate()
    .execute();
  return trx
    .deleteFrom('mailed_tokens')
    .where('token_hash', '=', hashToken(token))
    .where('purpose', '=', purpose)
    .where('expires_at', '>', sql<Date>`now()`)
    .where(isSentToTheAccount)
    .where('user_id', 'is not', null)
    .returning(['user_id as userId', 'email_change_id as emailChangeId'])
    .$narrowType<{ userId: NotNull }>()
    .executeTakeFirst();
}
