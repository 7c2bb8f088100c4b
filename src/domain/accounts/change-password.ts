import type { Kysely } from 'kysely';
import { mailQueue, type Queue } from '../../queue/contracts.ts';
import type { Schema } from '../../schema.ts';
import { recordEvent } from '../security-events/record.ts';
import { endAccess } from './end-access.ts';
import type { Credentials } from './find.ts';
import { useToken } from './mailed-token.ts';

interface Dependencies {
  readonly db: Kysely<Schema>;
  readonly queue: Queue;
  readonly passwords: { hash(password: string): Promise<string> };
}

/**
 * Gives an account a new password, ends all other access to it, and mails its owner.
 *
 * @param account and the password that was given, which must still be the account's
 * @param change.session the hash of the session's token that goes on
 * @returns whether the password was changed: not when it has just been changed by somebody else
 */
export async function changePassword(
  { db, queue, passwords }: Dependencies,
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

/** Mails a link to reset the password, if the address has an account: the job finds out, and whoever asks is not told. */
export async function requestPasswordReset(
  { db, queue }: { db: Kysely<Schema>; queue: Queue },
  email: string,
): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const { id: passwordResetId } = await trx
      .insertInto('password_resets')
      .values({ email })
      .returning('id')
      .executeTakeFirstOrThrow();
    await queue.send(mailQueue, { template: 'reset-password', passwordResetId }, { db: trx });
  });
}

/**
 * Uses a mailed link up, sets the new password, ends all access to the account, for whoever knew the old password may
 * have some, and mails its owner. Returns whether the link was good.
 */
export async function resetPassword(
  { db, queue, passwords }: Dependencies,
  token: string,
  password: string,
): Promise<boolean> {
  const passwordHash = await passwords.hash(password);
  return db.transaction().execute(async (trx) => {
    const used = await useToken(trx, 'reset-password', token);
    if (used === undefined) return false;
    const { userId } = used;
    await trx.updateTable('users').set({ password_hash: passwordHash }).where('id', '=', userId).execute();
    await endAccess(trx, userId);
    await recordEvent(trx, { kind: 'password-reset', userId, actorId: userId });
    await queue.send(mailQueue, { template: 'password-changed', userId }, { db: trx });
    return true;
  });
}
