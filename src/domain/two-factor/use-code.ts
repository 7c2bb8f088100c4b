import type { Kysely, Transaction } from 'kysely';
import type { Schema } from '../../database/schema.ts';
import { recordEvent, recordFailedLogIn } from '../security-events/record.ts';
import { useRecoveryCode } from './recovery-codes.ts';
import { stepOfCode } from './totp.ts';

/** Normalises a code: without spaces and hyphens, in upper case. */
export function compact(code: string): string {
  return code.replaceAll(/[\s-]/g, '').toUpperCase();
}

/** Whether a code looks like an app's, which can be guessed. Any other is treated as a recovery code. */
export function isAppCode(code: string): boolean {
  return /^\d{6}$/.test(compact(code));
}

/** Uses up a code from an account's app, or one of its recovery codes. Returns whether it was right. */
export async function useCode(trx: Transaction<Schema>, userId: number, code: string): Promise<boolean> {
  // Serialises concurrent requests with codes of one account.
  const { secret, lastStep } = await trx
    .selectFrom('users')
    .select(['totp_secret as secret', 'totp_last_step as lastStep'])
    .where('id', '=', userId)
    .forUpdate()
    .executeTakeFirstOrThrow();
  if (isAppCode(code)) {
    const step = secret === null ? undefined : stepOfCode(secret, compact(code));
    if (step === undefined || step <= (lastStep ?? 0)) return false;
    await trx.updateTable('users').set({ totp_last_step: step }).where('id', '=', userId).execute();
    return true;
  }
  if (!(await useRecoveryCode(trx, userId, compact(code)))) return false;
  await recordEvent(trx, { kind: 'recovery-code-used', userId, actorId: userId });
  return true;
}

/** Uses up the code of a pending log-in, and records a wrong one. Returns whether it was right. */
export function useLogInCode(db: Kysely<Schema>, userId: number, code: string): Promise<boolean> {
  return db.transaction().execute(async (trx) => {
    const isRight = await useCode(trx, userId, code);
    if (!isRight) await recordFailedLogIn(trx, userId, 'wrong code');
    return isRight;
  });
}
