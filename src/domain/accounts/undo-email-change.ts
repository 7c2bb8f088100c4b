import { recordEvent } from '../security-events/record.ts';
import { mintToken } from '../token.ts';
import { removeTwoFactor } from '../two-factor/turn-off.ts';
import { violatedConstraint } from '../violated-constraint.ts';
import { enqueuePasswordReset, type PasswordDependencies } from './change-password.ts';
import { endAccess } from './end-access.ts';
import { isTokenValid, useToken } from './mailed-token.ts';

/**
 * Consumes a mailed link and moves an account back to the address it had before a change. An attacker may know the
 * password and have made later changes, so this also undoes those, turns off two-factor authentication if it was turned on
 * since, ends all access, voids the password, and mails a reset link to the old address.
 *
 * @returns false if the link is invalid or the old address now has another account
 */
export async function undoEmailChange(
  { db, queue, passwords }: PasswordDependencies,
  token: string,
): Promise<boolean> {
  // Hashing is expensive, and anyone can make up a link.
  if (!(await isTokenValid(db, 'undo-email-change', token))) return false;
  const passwordHash = await passwords.hash(mintToken().token);
  try {
    return await db.transaction().execute(async (trx) => {
      const used = await useToken(trx, 'undo-email-change', token);
      if (used === undefined || used.emailChangeId === null) return false;
      const { userId, emailChangeId } = used;
      const { email, requestedAt } = await trx
        .updateTable('users')
        .from('email_changes')
        .set(({ ref }) => ({ email: ref('old_email').$notNull(), password_hash: passwordHash }))
        .where('email_changes.id', '=', emailChangeId)
        .where('users.id', '=', userId)
        .returning(['users.email', 'email_changes.created_at as requestedAt'])
        .executeTakeFirstOrThrow();
      await trx
        .deleteFrom('email_changes')
        .where('user_id', '=', userId)
        .where('id', '>=', emailChangeId)
        .execute();
      await removeTwoFactor({ trx, queue }, userId, { onlySince: requestedAt, actorId: userId });
      await endAccess(trx, userId);
      await recordEvent(trx, { kind: 'address-changed', userId, actorId: userId });
      await enqueuePasswordReset({ trx, queue }, email);
      return true;
    });
  } catch (error) {
    if (violatedConstraint(error) === 'users_email_key') return false;
    throw error;
  }
}
