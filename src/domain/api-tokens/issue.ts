import type { Kysely } from 'kysely';
import { DomainError } from '../../errors.ts';
import type { Db, Schema, TokenScope } from '../../schema.ts';
import { rowCount } from '../page.ts';
import { expiry } from '../sessions/lifetime.ts';
import { mintToken } from '../token.ts';

/** How long a token lasts that a program gets for a password. Seconds. */
export const TOKEN_SECONDS = 60 * 60;

/** How many named tokens one account may have. */
export const MOST_NAMED_TOKENS = 50;

const DAY = 24 * 60 * 60;

/** Issues a token for an hour, good for all that the account may do. Only a hash of it is stored. */
export async function issueToken(db: Db, userId: number): Promise<string> {
  const { token, hash } = mintToken();
  await db
    .insertInto('api_tokens')
    .values({ user_id: userId, token_hash: hash, scope: 'write', expires_at: expiry(TOKEN_SECONDS) })
    .execute();
  return token;
}

/**
 * Issues a token that has a name and lasts.
 *
 * @param days how long; null until it is revoked
 * @throws DomainError `too-many-tokens` when the account has MOST_NAMED_TOKENS already
 */
export async function issueNamedToken(
  db: Kysely<Schema>,
  { userId, name, scope, days }: { userId: number; name: string; scope: TokenScope; days: number | null },
): Promise<string> {
  const { token, hash } = mintToken();
  await db.transaction().execute(async (trx) => {
    // Two requests at once take turns here, so that both count.
    await trx.selectFrom('users').select('id').where('id', '=', userId).forUpdate().execute();
    const { count } = await trx
      .selectFrom('api_tokens')
      .select(rowCount.as('count'))
      .where('user_id', '=', userId)
      .where('name', 'is not', null)
      .executeTakeFirstOrThrow();
    if (count >= MOST_NAMED_TOKENS) {
      throw new DomainError(
        'too-many-tokens',
        `You have ${count} tokens already. Please revoke one you no longer need.`,
      );
    }
    await trx
      .insertInto('api_tokens')
      .values({
        user_id: userId,
        token_hash: hash,
        name,
        scope,
        expires_at: days === null ? null : expiry(days * DAY),
      })
      .execute();
  });
  return token;
}
