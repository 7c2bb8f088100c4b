import type { Kysely, Transaction } from 'kysely';
import type { Schema } from '../../database/schema.ts';
import { noSuch } from '../../errors.ts';
import { recordEvent } from '../security-events/record.ts';

/**
 * Ends all access to an account for an Administrator or the operator.
 *
 * @param options.exceptSession as for `endAccess`
 * @throws DomainError `not-found`
 */
export async function endAccessManually(
  db: Kysely<Schema>,
  userId: number,
  options: { exceptSession?: Buffer | undefined } = {},
): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const locked = trx.selectFrom('users').select('id').where('id', '=', userId).forUpdate();
    await locked.executeTakeFirstOrThrow(() => noSuch('user'));
    await endAccess(trx, userId, options);
    await recordEvent(trx, { kind: 'access-ended', userId });
  });
}

/**
 * Ends all access to an account: sessions, log-ins that await a second factor, API tokens, mailed links, pending changes of
 * email and known browsers. Keeps unsubscribe links, which give no access, and links that undo a change of email or a
 * deletion, because an attacker must not be able to void them.
 *
 * Call it after updating the account's row in the same transaction: concurrent log-ins wait for the row's lock.
 *
 * @param options.exceptSession the token hash of the session to keep
 */
export async function endAccess(
  trx: Transaction<Schema>,
  userId: number,
  { exceptSession }: { exceptSession?: Buffer | undefined } = {},
): Promise<void> {
  await trx
    .deleteFrom('sessions')
    .where('user_id', '=', userId)
    .where('token_hash', '<>', exceptSession ?? Buffer.of())
    .execute();
  await trx.deleteFrom('pending_log_ins').where('user_id', '=', userId).execute();
  await trx.deleteFrom('known_browsers').where('user_id', '=', userId).execute();
  await trx.deleteFrom('api_tokens').where('user_id', '=', userId).execute();
  await trx
    .deleteFrom('mailed_tokens')
    .where('user_id', '=', userId)
    .where('purpose', 'not in', ['undo-email-change', 'undo-deletion'])
    .execute();
  await trx
    .deleteFrom('email_changes')
    .where('user_id', '=', userId)
    .where('completed_at', 'is', null)
    .execute();
}
