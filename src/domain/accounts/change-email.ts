import { type Kysely, sql, type Transaction } from 'kysely';
import type { Schema } from '../../database/schema.ts';
import type { Queue } from '../../queue/index.ts';
import { mailQueue } from '../../queues.ts';
import type { Dependencies } from '../dependencies.ts';
import { submitApplication } from '../joining/apply.ts';
import { recordEvent } from '../security-events/record.ts';
import { violatedConstraint } from '../violated-constraint.ts';
import { grantToOperator, setConfirmed } from './confirm.ts';
import { endAccess } from './end-access.ts';
import type { Credentials } from './find.ts';
import { useToken } from './mailed-token.ts';

/**
 * Mails a link to an account's new address. If that address is taken, the job notifies its owner instead, so the response
 * does not reveal it.
 *
 * @param account with the verified password hash
 * @returns false if the password has changed in the meantime
 */
export async function requestEmailChange(
  { db, queue }: Dependencies,
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
    await queue.send(mailQueue, { template: 'change-email', emailChangeId: change.id }, { db: trx });
    return true;
  });
}

/**
 * Consumes a mailed link and moves the account to its new address. Ends all other access. If the old address was confirmed,
 * mails it a link to undo the change. If not, the account loses any role, and is confirmed or waits for a moderator.
 *
 * @param options.session the token hash of the session to keep
 * @returns false if the link is invalid or the address has been taken in the meantime
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
      if (!wasConfirmed && !(await submitApplication(trx, userId, { exceptEmail: adminEmail })))
        await setConfirmed(trx, userId);
      await grantToOperator(trx, userId, adminEmail);
      await endAccess(trx, userId, { exceptSession: session });
      await recordEvent(trx, { kind: 'address-changed', userId, actorId: userId });
      if (wasConfirmed) {
        await queue.send(mailQueue, { template: 'email-changed', emailChangeId }, { db: trx });
      }
      return true;
    });
  } catch (error) {
    if (violatedConstraint(error) === 'users_email_key') return false;
    throw error;
  }
}

/** Moves an account to the new address of a change. Its row must be locked. */
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
    .$if(!wasConfirmed, (query) => query.set({ role: 'User' }))
    .where('id', '=', userId)
    .execute();
  await trx
    .updateTable('email_changes')
    .set({ old_email: oldEmail, completed_at: sql<Date>`now()` })
    .where('id', '=', emailChangeId)
    .execute();
  return { wasConfirmed };
}
