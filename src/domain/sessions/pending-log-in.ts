import { type Kysely, sql } from 'kysely';
import type { Db, Schema } from '../../database/schema.ts';
import type { Credentials } from '../accounts/find.ts';
import { IS_OPEN } from '../accounts/standing.ts';
import { expiry } from './lifetime.ts';
import { cannotLogIn, startAnonymousSession } from './start.ts';

/** How long a log-in waits for the second factor, in seconds. */
const PENDING_SECONDS = 10 * 60;

/** A log-in with the right password that awaits a second factor. */
export interface PendingLogIn extends Credentials {
  readonly isRemembered: boolean;
}

export interface FoundPendingLogIn extends PendingLogIn {
  /** The account's second factors. */
  readonly hasApp: boolean;
  readonly hasPasskeys: boolean;
}

/**
 * Starts a session that belongs to nobody and remembers whose password was given in it.
 *
 * @returns the token for the cookie
 * @throws DomainError `unauthorized` if the password has changed in the meantime, or the account is closed
 */
export async function startPendingLogIn(
  db: Kysely<Schema>,
  { id, passwordHash, isRemembered }: PendingLogIn,
): Promise<string> {
  return db.transaction().execute(async (trx) => {
    const { token, hash } = await startAnonymousSession(trx);
    const { numInsertedOrUpdatedRows } = await trx
      .insertInto('pending_log_ins')
      .columns(['session_hash', 'user_id', 'is_remembered', 'expires_at'])
      .expression((from) =>
        from
          .selectFrom('users')
          .select(({ val }) => [val(hash).as('session_hash'), 'id', val(isRemembered).as('is_remembered')])
          .select(expiry(PENDING_SECONDS).as('expires_at'))
          .where('id', '=', id)
          .where('password_hash', '=', passwordHash)
          .where(IS_OPEN)
          .forShare(),
      )
      .executeTakeFirst();
    if (numInsertedOrUpdatedRows !== 1n) throw cannotLogIn();
    return token;
  });
}

/**
 * Finds the log-in that awaits a second factor in a session. A new password ends it, so the account's current hash is the
 * one that was verified.
 */
export function findPendingLogIn(
  db: Db,
  sessionHash: Buffer | undefined,
): Promise<FoundPendingLogIn | undefined> {
  return db
    .selectFrom('pending_log_ins')
    .innerJoin('users', 'users.id', 'user_id')
    .select(['users.id', 'password_hash as passwordHash', 'pending_log_ins.is_remembered as isRemembered'])
    .select(({ eb }) => [
      eb('totp_secret', 'is not', null).$castTo<boolean>().as('hasApp'),
      eb('passkey_count', '>', 0).$castTo<boolean>().as('hasPasskeys'),
    ])
    .where('session_hash', '=', sessionHash ?? null)
    .where('expires_at', '>', sql<Date>`now()`)
    .executeTakeFirst();
}
