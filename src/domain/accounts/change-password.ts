import type { Transaction } from 'kysely';
import type { Schema } from '../../database/schema.ts';
import type { Queue } from '../../queue/index.ts';
import { mailQueue } from '../../queues.ts';
import type { Dependencies } from '../dependencies.ts';
import { recordEvent } from '../security-events/record.ts';
import { endAccess } from './end-access.ts';
import type { Credentials } from './find.ts';
import { useToken } from './mailed-token.ts';

/** Dependencies of changing a password. */
export interface PasswordDependencies extends Dependencies {
  readonly passwords: { hash(password: string): Promise<string> };
}

/**
 * Gives an account a new password, ends all other access to it, and mails its owner.
 *
 * @param account with the verified password hash, which must still be current
 * @param change.session the token hash of the session to keep
 * @returns false if the password has changed in the meantime
 */
export async function changePassword(
  { db, queue, passwords }: PasswordDependencies,
  account: Credentials,
  { password, session }: { password: string; session: Buffer | undefined },
): Promise<boolean> {
  const passwordHash = await passwords.hash(password);
  return db.transaction().execute(async (trx) => {
    const { numUpdatedRows } = await trx
      .updateTable('users')
      .set({ password_hash: passwordHash })
      .where('id', '=', account.id)
      .where('password_hash', '=', account.passwordHash)
      .executeTakeFirst();
    if (numUpdatedRows === 0n) return false;
    await endAccess(trx, account.id, { exceptSession: session });
    await recordEvent(trx, { kind: 'password-changed', userId: account.id });
    await queue.send(mailQueue, { template: 'password-changed', userId: account.id }, { db: trx });
    return true;
  });
}

/** Mails a reset link if the address has an account. The job looks it up, so the response does not reveal it. */
export async function requestPasswordReset({ db, queue }: Dependencies, email: string): Promise<void> {
  await db.transaction().execute((trx) => enqueuePasswordReset({ trx, queue }, email));
}

/** Enqueues the mail of `requestPasswordReset`. */
export async function enqueuePasswordReset(
  { trx, queue }: { trx: Transaction<Schema>; queue: Queue },
  email: string,
): Promise<void> {
  const { id: passwordResetId } = await trx
    .insertInto('password_resets')
    .values({ email })
    .returning('id')
    .executeTakeFirstOrThrow();
  await queue.send(mailQueue, { template: 'reset-password', passwordResetId }, { db: trx });
}

/**
 * Consumes a reset link, sets the new password, ends all access to the account and notifies its owner. Returns whether
 * the link was valid.
 */
export async function resetPassword(
  { db, queue, passwords }: PasswordDependencies,
  token: string,
  password: string,
): Promise<boolean> {
  const passwordHash = await passwords.hash(password);
  return db.transaction().execute(async (trx) => {
    const used = await useToken(trx, 'reset-password', token);
    if (used === undefined) return false;
    const { userId } = used;
    await trx
      .updateTable('users')
      .set({ password_hash: passwordHash, email_bounced_at: null }) // The link has arrived.
      .where('id', '=', userId)
      .execute();
    await endAccess(trx, userId);
    await recordEvent(trx, { kind: 'password-reset', userId, actorId: userId });
    await queue.send(mailQueue, { template: 'password-changed', userId }, { db: trx });
    return true;
  });
}
