import { type Kysely, sql } from 'kysely';
import type { Role } from '../../database/account-tables.ts';
import type { Db, Schema } from '../../database/schema.ts';
import { DomainError } from '../../errors.ts';
import type { Queue } from '../../queue/index.ts';
import { mailQueue } from '../../queues.ts';
import type { Dependencies } from '../dependencies.ts';
import { closeApplication, submitApplication, withdrawApplication } from '../joining/apply.ts';
import { forgiveBounce } from '../mail/bounce.ts';
import { recordEvent } from '../security-events/record.ts';
import { violatedConstraint } from '../violated-constraint.ts';
import { endAccess } from './end-access.ts';
import { useToken } from './mailed-token.ts';

/**
 * Consumes a confirmation link and confirms its account, or submits its application to the moderators. The account that
 * confirms the operator's address becomes Administrator.
 *
 * @returns the account's id, and whether it waits for a moderator; undefined if the link is invalid or another account has
 *   confirmed the address
 */
export async function confirmAccount(
  { db, adminEmail }: { db: Kysely<Schema>; adminEmail: string | undefined },
  token: string,
): Promise<{ id: number; isWaiting: boolean } | undefined> {
  try {
    return await db.transaction().execute(async (trx) => {
      const used = await useToken(trx, 'confirm-account', token);
      if (used === undefined) return undefined;
      const { userId: id } = used;
      if (await submitApplication(trx, id, { exceptEmail: adminEmail })) return { id, isWaiting: true };
      await setConfirmed(trx, id);
      await recordEvent(trx, { kind: 'confirmed', userId: id, actorId: id });
      await grantToOperator(trx, id, adminEmail);
      return { id, isWaiting: false };
    });
  } catch (error) {
    if (violatedConstraint(error) === 'users_email_key') return undefined;
    throw error;
  }
}

/** Makes an account Administrator if its newly confirmed address is the operator's. */
export async function grantToOperator(db: Db, userId: number, adminEmail: string | undefined): Promise<void> {
  if (adminEmail === undefined) return;
  const { numUpdatedRows } = await db
    .updateTable('users')
    .set({ role: 'Administrator' })
    .where('id', '=', userId)
    .where('role', '<>', 'Administrator')
    .where(sql`lower(email)`, '=', sql`lower(${adminEmail})`)
    .executeTakeFirst();
  if (numUpdatedRows === 0n) return;
  const detail = { role: 'Administrator' };
  await recordEvent(db, { kind: 'role-changed', userId, actorId: null, detail });
}

/** Confirms an account, forgets a bounce and closes its application. Keeps the date if it is already confirmed. */
export async function setConfirmed(db: Db, userId: number): Promise<void> {
  await db
    .updateTable('users')
    .set({ confirmed_at: sql`coalesce(confirmed_at, now())`, email_bounced_at: null })
    .where('id', '=', userId)
    .execute();
  await closeApplication(db, userId);
}

/**
 * Confirms an account that mail cannot reach, for an Administrator or the operator.
 *
 * @throws DomainError `email-taken` if another account has confirmed the address
 */
export async function confirmManually(db: Kysely<Schema>, userId: number): Promise<void> {
  try {
    await db.transaction().execute(async (trx) => {
      await setConfirmed(trx, userId);
      await recordEvent(trx, { kind: 'confirmed', userId });
    });
  } catch (error) {
    if (violatedConstraint(error) === 'users_email_key')
      throw new DomainError('email-taken', 'Another account has confirmed this address.');
    throw error;
  }
}

/** Mails a new confirmation link. */
export async function resendConfirmation(
  { db, queue }: { db: Db; queue: Queue },
  userId: number,
): Promise<void> {
  await forgiveBounce(db, userId);
  await queue.send(mailQueue, { template: 'confirm-account', userId }, { db });
}

/** Mails a new confirmation link for an Administrator. */
export async function resendConfirmationManually({ db, queue }: Dependencies, userId: number): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await resendConfirmation({ db: trx, queue }, userId);
    await recordEvent(trx, { kind: 'confirmation-sent', userId });
  });
}

/**
 * Corrects the address of an unconfirmed account and mails a new confirmation link. Ends all other access, and revokes any
 * role.
 *
 * @param options.session the token hash of the session to keep
 * @returns false if the account has been confirmed in the meantime
 */
export async function correctEmail(
  { db, queue }: Dependencies,
  userId: number,
  email: string,
  { session }: { session: Buffer | undefined },
): Promise<boolean> {
  return db.transaction().execute(async (trx) => {
    const { numUpdatedRows } = await trx
      .updateTable('users')
      .set({ email, role: sql<Role>`case when lower(email) = lower(${email}) then role else 'User' end` })
      .where('id', '=', userId)
      .where('confirmed_at', 'is', null)
      .executeTakeFirst();
    if (numUpdatedRows === 0n) return false;
    await withdrawApplication(trx, userId);
    await endAccess(trx, userId, { exceptSession: session });
    await recordEvent(trx, { kind: 'address-changed', userId });
    await resendConfirmation({ db: trx, queue }, userId);
    return true;
  });
}
