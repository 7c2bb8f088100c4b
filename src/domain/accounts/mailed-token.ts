import { sql, type Transaction } from 'kysely';
import type { Db, Schema, TokenPurpose } from '../../schema.ts';
import { hashToken } from '../token.ts';

/** Whether a link went to the address that its account still has, if that matters. */
const isSentToTheAccount = sql<boolean>`
  (sent_to is null or lower(sent_to) = (select lower(users.email) from users where users.id = mailed_tokens.user_id))
`;

/** The token of a mailed link, while it is good for one of these purposes. Looking does not use the link up. */
export function goodTokens(db: Db, purposes: readonly TokenPurpose[], token: string) {
  return db
    .selectFrom('mailed_tokens')
    .where('token_hash', '=', hashToken(token))
    .where('purpose', 'in', purposes)
    .where('expires_at', '>', sql<Date>`now()`)
    .where(isSentToTheAccount);
}

/** Whose a mailed link is, while it would still do what it is for. */
export function findTokenOwner(
  db: Db,
  purpose: TokenPurpose,
  token: string,
): Promise<{ username: string; email: string } | undefined> {
  return db
    .selectFrom('users')
    .select(['username', 'email'])
    .where('id', '=', goodTokens(db, [purpose], token).select('user_id'))
    .executeTakeFirst();
}

/** Whether a mailed link would still do what it is for. */
export async function isTokenValid(db: Db, purpose: TokenPurpose, token: string): Promise<boolean> {
  return (await goodTokens(db, [purpose], token).select('user_id').executeTakeFirst()) !== undefined;
}

/**
 * Uses a mailed link up, and locks its account's row first: links of one account take turns, and each sees what the
 * one before has ended.
 *
 * @returns whose it was, or undefined when it is not good
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
    .returning(['user_id as userId', 'email_change_id as emailChangeId'])
    .executeTakeFirst();
}
