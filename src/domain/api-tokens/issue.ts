import type { Kysely } from 'kysely';
import type { TokenScope } from '../../database/account-tables.ts';
import type { Db, Schema } from '../../database/schema.ts';
import { DomainError } from '../../errors.ts';
import type { Credentials } from '../accounts/find.ts';
import { HAS_TWO_FACTOR, IS_OPEN } from '../accounts/standing.ts';
import { rowCount } from '../page.ts';
import { recordEvent } from '../security-events/record.ts';
import { expiry } from '../sessions/lifetime.ts';
import { mintToken } from '../token.ts';

/** The lifetime of a token obtained with a password, in seconds. */
export const TOKEN_SECONDS = 60 * 60;

/** Named tokens per account. */
export const MAX_NAMED_TOKENS = 50;

const DAY = 24 * 60 * 60;

/**
 * Issues a token that lasts an hour and may do whatever the account may. Only its hash is stored.
 *
 * @param passwordHash the verified password hash, which must still be current
 * @throws DomainError `unauthorized` if the password has changed in the meantime, or the account needs a second factor
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
          .where(IS_OPEN)
          .where(({ not }) => not(HAS_TWO_FACTOR))
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
  /** The token hash of the requesting session. */
  readonly sessionHash: Buffer | undefined;
  readonly name: string;
  readonly scope: TokenScope;
  /** Its lifetime; null if it lasts until it is revoked. */
  readonly days: number | null;
}

/**
 * Issues a named token. Only its hash is stored.
 *
 * @throws DomainError `too-many-tokens` if the account already has MAX_NAMED_TOKENS, `unauthorized` if the session has
 *   ended in the meantime
 */
export async function issueNamedToken(
  db: Kysely<Schema>,
  { userId, sessionHash, name, scope, days }: NamedToken,
): Promise<string> {
  const { token, hash } = mintToken();
  await db.transaction().execute(async (trx) => {
    // The lock makes concurrent requests wait for each other's token, and for a change that ends the session.
    await trx.selectFrom('users').select('id').where('id', '=', userId).forUpdate().execute();
    await requireSession(trx, userId, sessionHash);
    const { count } = await trx
      .selectFrom('api_tokens')
      .select(rowCount.as('count'))
      .where('user_id', '=', userId)
      .where('name', 'is not', null)
      .executeTakeFirstOrThrow();
    if (count >= MAX_NAMED_TOKENS) {
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
