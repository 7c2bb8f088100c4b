import type { Kysely } from 'kysely';
import { mailQueue, type Queue } from '../../queue/contracts.ts';
import type { Schema } from '../../schema.ts';
import { recordEvent } from '../security-events/record.ts';
import { mintToken } from '../token.ts';
import { violatedConstraint } from '../violated-constraint.ts';
import { endAccess } from './end-access.ts';
import { useToken } from './mailed-token.ts';

interface Dependencies {
  readonly db: Kysely<Schema>;
  readonly queue: Queue;
  readonly passwords: { hash(password: string): Promise<string> };
}

/**
 * Uses a mailed link up and moves an account back to the address it had before a change. Whoever made that change may
 * know the password and have made more changes: so those are undone with it, all access ends, nobody knows the
 * password any more, and the old address is mailed a link to choose a new one.
 *
 * @returns whether that was done: not when the link is not good, nor when the old address has another account now
 */
export async function undoEmailChange(
  { db, queue, passwords }: Dependencies,
  token: string,
): Promise<boolean> {
  const passwordHash = await passwords.hash(mintToken().token);
  try {
    return await db.transaction().execute(async (trx) => {
      const used = await useToken(trx, 'undo-email-change', token);
      if (used === undefined || used.emailChangeId === null) return false;
      const { userId, emailChangeId } = used;
      await trx
        .updateTable('users')
        .from('email_changes')
        .set(({ ref }) => ({ email: ref('old_email').$notNull(), password_hash: passwordHash }))
        .where('email_changes.id', '=', emailChangeId)
        .where('users.id', '=', userId)
        .execute();
      await trx
        .deleteFrom('email_changes')
        .where('user_id', '=', userId)
        .where('id', '>=', emailChangeId)
        .execute();
      await endAccess(trx, userId);
      await recordEvent(trx, { kind: 'address-changed', userId, actorId: userId });
      await queue.send(mailQueue, { template: 'reset-password', userId }, { db: trx });
      return true;
    });
  } catch (error) {
    if (violatedConstraint(error) === 'users_email_key') return false;
    throw error;
  }
}
