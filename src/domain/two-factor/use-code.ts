import type { Kysely, Transaction } from 'kysely';
import type { Schema } from '../../database/schema.ts';
import { recordEvent } from '../security-events/record.ts';
import { useRecoveryCode } from './recovery-codes.ts';
import { stepOfCode } from './totp.ts';

/** Removes what people type or copy between the characters of a code. */
export function compact(code: string): string {
  return code.replaceAll(/[\s-]/g, '').toUpperCase();
}

/** Whether a code has the form of an app's, which can be guessed. Any other is taken for a recovery code. */
export function isAppCode(code: string): boolean {
  return /^\d{6}$/.test(compact(code));
}

/** Uses up a code from an account's app, or one of its recovery codes. Returns whether it was right. */
export async function useCode(trx: Transaction<Schema>, userId: number, code: string): Promise<boolean> {
  if (isAppCode(code)) return useAppCode(trx, userId, compact(code));
  if (!(await useRecoveryCode(trx, userId, compact(code)))) return false;
  await recordEvent(trx, { kind: 'recovery-code-used', userId, actorId: userId });
  return true;
}

/** Uses up the code of a pending log-in, and records a wrong one. Returns whether it was right. */
export function useLogInCode(db: Kysely<Schema>, userId: number, code: string): Promise<boolean> {
  return db.transaction().execute(async (trx) => {
    const isRight = await useCode(trx, userId, code);
    const detail = { reason: 'wrong code' };
    if (!isRight) await recordEvent(trx, { kind: 'log-in-failed', userId, actorId: null, detail });
    return isRight;
  });
}

/** The update lets only one of several requests with the same code pass. */
async function useAppCode(trx: Transaction<Schema>, userId: number, code: string): Promise<boolean> {
  const { secret } = await trx
    .selectFrom('users')
    .select('totp_secret as secret')
    .where('id', '=', userId)
    .executeTakeFirstOrThrow();
  const step = secret === null ? undefined : stepOfCode(secret, code);
  if (step === undefined) return false;
  const { numUpdatedRows } = await trx
    .updateTable('users')
    .set({ totp_last_step: step })
    .where('id', '=', userId)
    .where('totp_secret', '=', secret)
    .where('totp_last_step', '<', step)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}
