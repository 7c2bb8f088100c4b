import type { Kysely } from 'kysely';
import type { TokenScope } from '../../database/account-tables.ts';
import type { Db, Schema } from '../../database/schema.ts';
import { DomainError } from '../../errors.ts';
import type { Credentials } from '../accounts/find.ts';
import { rowCount } from '../page.ts';
import { recordEvent } from '../security-events/record.ts';
import { expiry } from '../sessions/lifetime.ts';
import { mintToken } from '../token.ts';

/** How long a token lasts that a program gets for a password. Seconds. */
export const TOKEN_SECONDS = 60 * 60;

/** How many named tokens one account may have. */
export const MOST_NAMED_TOKENS = 50;

const DAY = 24 * 60 * 60;

/**
 * Issues a token for an hour, good for all that the account may do. Only a hash of it is stored.
 *
 * @param passwordHash of the password that was given: it must still be the account's
 * @throws DomainError `unauthorized` when the password has been changed meanwhile
 */
export async function issueToken(db: Kysely<Schema>, { id, passwordHash }: Credentials): Promise<string> {
  const { token, hash } = mintToken();
  await db.transaction().execute(async (trx) => {
    const { numInsertedOrUpdatedRows } = await trx
      .insertInto('api_tokens')
      .columns(['token_hash', 'user_id', 'scope', 'expires_at'])
      .expression((from) =>
        from
          .selectFrom('users')
          .select(({ val }) => [val(hash).as('token_hash'), 'id', val('write').as('scope')])
          .select(expiry(TOKEN_SECONDS).as('expires_at'))
          .where('id', '=', id)
          .where('password_hash', '=', passwordHash)
          .forShare(),
      )
      .executeTakeFirst();
    if (numInsertedOrUpdatedRows !== 1n) throw new DomainError('unauthorized', 'Invalid credentials');
    await recordEvent(trx, { kind: 'token-made', userId: id });
  });
  return token;
}

export interface NamedToken {
  readonly userId: number;
  /** The hash of the token of the session that asks. */
  readonly sessionHash: Buffer | undefined;
  readonly name: string;
  readonly scope: TokenScope;
  /** How long it lasts; null until it is revoked. */
  readonly days: number | null;
}

/**
 * Issues a token that has a name and lasts.
 *
 * @throws DomainError `too-many-tokens` when the account has MOST_NAMED_TOKENS already, `unauthorized` when the session
 *   has been ended meanwhile
 */
export async function issueNamedToken(
  db: Kysely<Schema>,
  { userId, sessionHash, name, scope, days }: NamedToken,
): Promise<string> {
  const { token, hash } = mintToken();
  await db.transaction().execute(async (trx) => {
    // Two requests at once take turns here, so that both count; and whoever ends the session comes before or after.
    await trx.selectFrom('users').select('id').where('id', '=', userId).forUpdate().execute();
    await requireSession(trx, userId, sessionHash);
    const { count } = await trx
      .selectFrom('api_tokens')
      .select(rowCount.as('count'))
      .where('user_id', '=', userId)
      .where('name', 'is not', null)
      .executeTakeFirstOrThrow();
    if (count >= MOST_NAMED_TOKENS) {
      throw new DomainError(
        'too-many-tokens',
        `You already have ${count} tokens. Please revoke one you no longer need.`,
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
    await recordEvent(trx, { kind: 'token-made', userId, detail: { name } });
  });
  return token;
}

async function requireSession(db: Db, userId: number, sessionHash: Buffer | undefined): Promise<void> {
  const session = await db
    .selectFrom('sessions')
    .select('user_id')
    .where('token_hash', '=', sessionHash ?? null)
    .where('user_id', '=', userId)
    .executeTakeFirst();
  if (session === undefined) throw new DomainError('unauthorized', 'You have been logged out.');
}
