import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { DomainError } from '../../errors.ts';
import { HAS_TWO_FACTOR, IS_OPEN } from '../accounts/standing.ts';
import { currentOrigin } from '../security-events/origin.ts';
import { type MintedToken, mintToken } from '../token.ts';
import { expiry, SESSION_SECONDS } from './lifetime.ts';
import type { Message } from './messages.ts';

/** Characters of a User-Agent that are kept. */
const MAX_USER_AGENT = 300;

interface NewSession {
  readonly userId: number;
  readonly isRemembered: boolean;
  readonly passwordHash?: string;
  readonly isSecondFactorProven?: boolean;
}

/**
 * Starts a session for a user.
 *
 * @param options.passwordHash the verified password hash, which must still be current; undefined without a password,
 *   which sensitive pages then ask for
 * @param options.isSecondFactorProven whether a second factor was given, without which accounts that have one are refused
 * @returns the token for the cookie; only its hash is stored
 * @throws DomainError `unauthorized` if the password has changed in the meantime, the account is closed, or a second
 *   factor is missing
 */
export async function startSession(
  db: Db,
  { userId, isRemembered, passwordHash, isSecondFactorProven = false }: NewSession,
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
        .$if(!isSecondFactorProven, (query) => query.where(({ not }) => not(HAS_TWO_FACTOR)))
        .$if(passwordHash !== undefined, (query) => query.where('password_hash', '=', passwordHash ?? ''))
        .forShare(),
    )
    .executeTakeFirst();
  if (numInsertedOrUpdatedRows !== 1n) throw cannotLogIn();
  return token;
}

/** The error if the account of a verified password cannot be logged in to after all. */
export function cannotLogIn(): DomainError {
  return new DomainError('unauthorized', 'Your password has just changed, or your account is closed.');
}

/** Starts a short session for a visitor who is not logged in, with messages to show on their next page. */
export async function startAnonymousSession(db: Db, ...messages: Message[]): Promise<MintedToken> {
  const minted = mintToken();
  await db
    .insertInto('sessions')
    .values({
      token_hash: minted.hash,
      user_id: null,
      flash: sql`${messages.map((message) => JSON.stringify(message))}::jsonb[]`,
      expires_at: expiry(SESSION_SECONDS.anonymous),
    })
    .execute();
  return minted;
}
