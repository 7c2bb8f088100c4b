import type { Transaction } from 'kysely';
import type { Schema } from '../../database/schema.ts';
import type { Queue } from '../../queue/index.ts';
import { mailQueue } from '../../queues.ts';
import type { Dependencies } from '../dependencies.ts';
import { recordEvent } from '../security-events/record.ts';
import { deleteUnusableCodes } from './recovery-codes.ts';
import { useCode } from './use-code.ts';

/**
 * Turns off two-factor authentication, with the app and all passkeys, and mails the account's owner.
 *
 * @param code of the app, or a recovery code
 * @returns false if the code is wrong
 */
export function turnOffTwoFactor(
  { db, queue }: Dependencies,
  userId: number,
  code: string,
): Promise<boolean> {
  return db.transaction().execute(async (trx) => {
    return (await useCode(trx, userId, code)) && removeTwoFactor({ trx, queue }, userId);
  });
}

/** Turns it off without a code, for people who have lost their phone and recovery codes. Returns false if it was off. */
export function resetTwoFactor({ db, queue }: Dependencies, userId: number): Promise<boolean> {
  return db.transaction().execute((trx) => removeTwoFactor({ trx, queue }, userId));
}

/**
 * Turns off two-factor authentication without a code, in the transaction of another change.
 *
 * @param options.onlySince keeps an app and passkeys that were added before
 * @param options.actorId who turns it off; by default, the request's user
 */
export async function removeTwoFactor(
  { trx, queue }: { trx: Transaction<Schema>; queue: Queue },
  userId: number,
  { onlySince, actorId }: { onlySince?: Date; actorId?: number } = {},
): Promise<boolean> {
  const since = onlySince ?? new Date(0);
  const { numUpdatedRows: apps } = await trx
    .updateTable('users')
    .set({ totp_secret: null, totp_since: null, totp_last_step: null })
    .where('id', '=', userId)
    .where('totp_since', '>=', since)
    .executeTakeFirst();
  const { numDeletedRows: passkeys } = await trx
    .deleteFrom('passkeys')
    .where('user_id', '=', userId)
    .where('created_at', '>=', since)
    .executeTakeFirst();
  if (apps === 0n && passkeys === 0n) return false;
  await deleteUnusableCodes(trx, userId);
  const kind = apps > 0n ? 'two-factor-off' : 'passkey-removed';
  await recordEvent(trx, { kind, userId, ...(actorId !== undefined && { actorId }) });
  await queue.send(mailQueue, { template: kind, userId }, { db: trx });
  return true;
}
