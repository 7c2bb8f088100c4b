import type { Transaction } from 'kysely';
import type { Schema } from '../../database/schema.ts';

/**
 * Ends all access to an account: sessions, log-ins that await a second factor, API tokens, mailed links, pending changes of email and known browsers. Keeps
 * unsubscribe links, which give no access, and links to undo a change of email or a deletion, which an attacker must not
 * be able to void.
 *
 * Call it after updating the account's row in the same transaction, so that concurrent log-ins wait for the row's lock.
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
    .$if(exceptSession !== undefined, (query) =>
      query.where('token_hash', '<>', exceptSession ?? Buffer.of()),
    )
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
