import { sql } from 'kysely';
import { mailQueue } from '../../queues.ts';
import { endAccess } from '../accounts/end-access.ts';
import type { Credentials } from '../accounts/find.ts';
import type { Dependencies } from '../dependencies.ts';
import { recordEvent } from '../security-events/record.ts';
import { replaceRecoveryCodes } from './recovery-codes.ts';
import { stepOfCode } from './totp.ts';
import { compact } from './use-code.ts';

/**
 * Turns on two-factor authentication and mails the account's owner. Ends all other access, because the password alone was
 * enough to get it.
 *
 * @param account with the verified password hash, which must still be current
 * @param setUp.secret the secret that the app was given
 * @param setUp.code proves that the app has it
 * @param setUp.session the token hash of the session to keep
 * @returns the recovery codes; undefined if the code is wrong, or the password has changed or two-factor authentication was
 *   turned on in the meantime
 */
export async function turnOnTwoFactor(
  { db, queue }: Dependencies,
  { id: userId, passwordHash }: Credentials,
  { secret, code, session }: { secret: string; code: string; session: Buffer | undefined },
): Promise<string[] | undefined> {
  const step = stepOfCode(secret, compact(code));
  if (step === undefined) return undefined;
  return db.transaction().execute(async (trx) => {
    const { numUpdatedRows } = await trx
      .updateTable('users')
      .set({ totp_secret: secret, totp_since: sql<Date>`now()`, totp_last_step: step })
      .where('id', '=', userId)
      .where('password_hash', '=', passwordHash)
      .where('totp_secret', 'is', null)
      .executeTakeFirst();
    if (numUpdatedRows === 0n) return undefined;
    await endAccess(trx, userId, { exceptSession: session });
    await recordEvent(trx, { kind: 'two-factor-on', userId });
    await queue.send(mailQueue, { template: 'two-factor-on', userId }, { db: trx });
    return replaceRecoveryCodes(trx, userId);
  });
}
