import { sql } from 'kysely';
import { DomainError } from '../../errors.ts';
import type { Db } from '../../schema.ts';
import { mintToken } from '../token.ts';
import { expiry, SESSION_SECONDS } from './lifetime.ts';
import type { Message } from './messages.ts';

/**
 * Starts a signed-in session on one device.
 *
 * @param options.passwordHash of the password that was given: it must still be the account's, also when the password
 *   is being changed at this moment. Undefined when no password was asked for.
 * @returns the token for its cookie; only a hash of it is stored
 * @throws DomainError `unauthorized` when the password has been changed meanwhile
 */
export async function startSession(
  db: Db,
  { userId, isRemembered, passwordHash }: { userId: number; isRemembered: boolean; passwordHash?: string },
): Promise<string> {
  const { token, hash } = mintToken();
  const seconds = isRemembered ? SESSION_SECONDS.remembered : SESSION_SECONDS.unremembered;
  const { numInsertedOrUpdatedRows } = await db
    .insertInto('sessions')
    .columns(['token_hash', 'user_id', 'is_remembered', 'expires_at'])
    .expression((from) =>
      from
        .selectFrom('users')
        .select(({ val }) => [val(hash).as('token_hash'), 'id', val(isRemembered).as('is_remembered')])
        .select(expiry(seconds).as('expires_at'))
        .where('id', '=', userId)
        .$if(passwordHash !== undefined, (query) => query.where('password_hash', '=', passwordHash ?? ''))
        .forShare(),
    )
    .executeTakeFirst();
  if (numInsertedOrUpdatedRows !== 1n)
    throw new DomainError('unauthorized', 'Your password has just changed. Please log in with the new one.');
  return token;
}

/** Starts the short session of a visitor who is not signed in, to carry a message to their next page. */
export async function startAnonymousSession(db: Db, message: Message): Promise<string> {
  const { token, hash } = mintToken();
  await db
    .insertInto('sessions')
    .values({
      token_hash: hash,
      user_id: null,
      flash: sql`array[${JSON.stringify(message)}::jsonb]`,
      expires_at: expiry(SESSION_SECONDS.anonymous),
    })
    .execute();
  return token;
}
