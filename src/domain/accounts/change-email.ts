import { type Kysely, sql, type Transaction } from 'kysely';
import { mailQueue, type Queue } from '../../queue/contracts.ts';
import type { Schema } from '../../schema.ts';
import { recordEvent } from '../security-events/record.ts';
import { violatedConstraint } from '../violated-constraint.ts';
import { grantToOperator } from './confirm.ts';
import { endAccess } from './end-access.ts';
import type { Credentials } from './find.ts';
import { useToken } from './mailed-token.ts';

/**
 * Mails a link to the new address of an account. When that address has an account already, the job mails its owner
 * instead, so that whoever asks learns nothing.
 *
 * @param account and the password that was given
 * @returns whether that was done: not when the password has been changed meanwhile
 */
export async function requestEmailChange(
  { db, queue }: { db: Kysely<Schema>; queue: Queue },
  { id: userId, passwordHash }: Credentials,
  newEmail: string,
): Promise<boolean> {
  return db.transaction().execute(async (trx) => {
    const change = await trx
      .insertInto('email_changes')
      .columns(['user_id', 'new_email'])
      .expression((from) =>
        from
          .selectFrom('users')
          .select(({ val }) => ['id', val(newEmail).as('new_email')])
          .where('id', '=', userId)
          .where('password_hash', '=', passwordHash)
          .forShare(),
      )
      .returning('id')
      .executeTakeFirst();
    if (change === undefined) return false;
    await queue.send(mailQueue, { template: 'change-email', userId, emailChangeId: change.id }, { db: trx });
    return true;
  });
}

/**
 * Uses a mailed link up and moves the account to its new address, which is confirmed by that. All other access to the
 * account ends, and the old address is mailed a link to undo the change, if it was ever confirmed; otherwise nothing
 * that it gave goes along.
 *
 * @param options.session the hash of the session's token that goes on
 * @returns whether that was done: not when the link is not good, nor when somebody else has taken the address since
 */
export async function changeEmail(
  { db, queue, adminEmail }: { db: Kysely<Schema>; queue: Queue; adminEmail: string | undefined },
  token: string,
  { session }: { session: Buffer | undefined },
): Promise<boolean> {
  try {
    return await db.transaction().execute(async (trx) => {
      const used = await useToken(trx, 'change-email', token);
      if (used === undefined || used.emailChangeId === null) return false;
      const { userId, emailChangeId } = used;
      const { wasConfirmed } = await completeChange(trx, emailChangeId);
      await grantToOperator(trx, userId, adminEmail);
      await endAccess(trx, userId, { exceptSession: session });
      await recordEvent(trx, { kind: 'address-changed', userId, actorId: userId });
      if (wasConfirmed) {
        await queue.send(mailQueue, { template: 'email-changed', userId, emailChangeId }, { db: trx });
      }
      return true;
    });
  } catch (error) {
    if (violatedConstraint(error) === 'users_email_key') return false;
    throw error;
  }
}

/** Moves an account, whose row is locked, to the address of a change. */
async function completeChange(
  trx: Transaction<Schema>,
  emailChangeId: number,
): Promise<{ wasConfirmed: boolean }> {
  const { userId, oldEmail, newEmail, wasConfirmed } = await trx
    .selectFrom('email_changes')
    .innerJoin('users', 'users.id', 'user_id')
    .select(['users.id as userId', 'email as oldEmail', 'new_email as newEmail'])
    .select(sql<boolean>`confirmed_at is not null`.as('wasConfirmed'))
    .where('email_changes.id', '=', emailChangeId)
    .executeTakeFirstOrThrow();
  await trx
    .updateTable('users')
    .set({ email: newEmail })
    .$if(!wasConfirmed, (query) => query.set({ role: 'User', confirmed_at: sql<Date>`now()` }))
    .where('id', '=', userId)
    .execute();
  await trx
    .updateTable('email_changes')
    .set({ old_email: oldEmail, completed_at: sql<Date>`now()` })
    .where('id', '=', emailChangeId)
    .execute();
  return { wasConfirmed };
}
