import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { DomainError } from '../../errors.ts';
import { IS_OPEN } from '../accounts/standing.ts';
import { currentOrigin } from '../security-events/origin.ts';
import { mintToken } from '../token.ts';
import { expiry, SESSION_SECONDS } from './lifetime.ts';
import type { Message } from './messages.ts';

/** Characters of a browser's description of itself that are kept. */
const MAX_USER_AGENT = 300;

/**
 * Starts a session for a user.
 *
 * @param options.passwordHash the verified password hash, which must still be current; undefined without a password,
 *   which sensitive pages then ask for
 * @returns the token for the cookie, of which only a hash is stored
 * @throws DomainError `unauthorized` if the password has changed in the meantime, or the account is closed
 */
export async function startSession(
  db: Db,
  { userId, isRemembered, passwordHash }: { userId: number; isRemembered: boolean; passwordHash?: string },
): Promise<string> {
  const { token, hash } = mintToken();
  const { userAgent, address } = currentOrigin();
  const seconds = isRemembered ? SESSION_SECONDS.remembered : SESSION_SECONDS.unremembered;
  const verifiedAt = passwordHash === undefined ? sql<Date>`'-infinity'::timestamptz` : sql<Date>`now()`;
  const { numInsertedOrUpdatedRows } = await db
    .insertInto('sessions')
    .columns(['token_hash', 'user_id', 'is_remembered', 'verified_at', 'expires_at', 'user_agent', 'address'])
    .expression((from) =>
      from
        .selectFrom('users')
        .select(({ val }) => [val(hash).as('token_hash'), 'id', val(isRemembered).as('is_remembered')])
        .select([verifiedAt.as('verified_at'), expiry(seconds).as('expires_at')])
        .select(({ val }) => val(userAgent.slice(0, MAX_USER_AGENT)).as('user_agent'))
        .select(sql<string | null>`${address}::inet`.as('address'))
        .where('id', '=', userId)
        .where(IS_OPEN)
        .$if(passwordHash !== undefined, (query) => query.where('password_hash', '=', passwordHash ?? ''))
        .forShare(),
    )
    .executeTakeFirst();
  if (numInsertedOrUpdatedRows !== 1n)
    throw new DomainError('unauthorized', 'Your password has just changed, or the account is closed.');
  return token;
}

/** Starts a short session for a visitor, to show a message on their next page. */
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
