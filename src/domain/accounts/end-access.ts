import type { Transaction } from 'kysely';
import type { Schema } from '../../schema.ts';

/**
 * Takes an account back from everybody who got into it: ends its sessions, API tokens, mailed links, changes of email
 * that are still to be confirmed, and forgets its browsers. Links to unsubscribe stay, because they give no access, and
 * links to undo a change of email, because whoever got in must not be able to end those.
 *
 * Call it after the account's row was changed in the same transaction: that row's lock makes log-ins under way wait.
 *
 * @param options.exceptSession the hash of the session's token that goes on
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
  await trx.deleteFrom('known_browsers').where('user_id', '=', userId).execute();
  await trx.deleteFrom('api_tokens').where('user_id', '=', userId).execute();
  await trx
    .deleteFrom('mailed_tokens')
    .where('user_id', '=', userId)
    .where('purpose', 'not in', ['stop-digest', 'stop-comment-mails', 'undo-email-change'])
    .execute();
  await trx
    .deleteFrom('email_changes')
    .where('user_id', '=', userId)
    .where('completed_at', 'is', null)
    .execute();
}
