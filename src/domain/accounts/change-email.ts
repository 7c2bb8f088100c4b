import { type Kysely, sql } from 'kysely';
import { mailQueue, type Queue } from '../../queues.ts';
import type { Role, Schema } from '../../schema.ts';
import { violatedConstraint } from '../violated-constraint.ts';
import { findByEmail } from './find.ts';
import { useToken } from './mailed-token.ts';

/**
 * Mails a link to the new address of an account. When that address has an account already, its owner is mailed
 * instead, so that whoever asks learns nothing.
 */
export async function requestEmailChange(
  { db, queue }: { db: Kysely<Schema>; queue: Queue },
  userId: number,
  newEmail: string,
): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const owner = await findByEmail(trx, newEmail);
    if (owner !== undefined && owner.id !== userId) {
      await queue.send(mailQueue, { template: 'address-in-use', userId: owner.id }, { db: trx });
      return;
    }
    const { id: emailChangeId } = await trx
      .insertInto('email_changes')
      .values({ user_id: userId, new_email: newEmail })
      .returning('id')
      .executeTakeFirstOrThrow();
    await queue.send(mailQueue, { template: 'change-email', userId, emailChangeId }, { db: trx });
  });
}

/**
 * Uses a mailed link up and moves the account to its new address. Links sent to the old one stop working, and an
 * account that was never confirmed keeps no role. Returns whether that was done: not when the link is not good, nor
 * when somebody else has taken the address since.
 */
export async function changeEmail(db: Kysely<Schema>, token: string): Promise<boolean> {
  try {
    return await db.transaction().execute(async (trx) => {
      const used = await useToken(trx, 'change-email', token);
      if (used === undefined) return false;
      const { numUpdatedRows } = await trx
        .updateTable('users')
        .from('email_changes')
        .set((eb) => ({
          email: eb.ref('email_changes.new_email'),
          role: sql<Role>`case when confirmed_at is null then 'User' else role end`,
        }))
        .where('email_changes.id', '=', used.emailChangeId)
        .where('users.id', '=', used.userId)
        .executeTakeFirst();
      if (numUpdatedRows === 0n) return false;
      // Links that were sent to the old address prove nothing about the new one.
      await trx
        .deleteFrom('mailed_tokens')
        .where('user_id', '=', used.userId)
        .where('purpose', 'in', ['confirm-account', 'reset-password', 'change-email'])
        .execute();
      return true;
    });
  } catch (error) {
    if (violatedConstraint(error) === 'users_email_key') return false;
    throw error;
  }
}
