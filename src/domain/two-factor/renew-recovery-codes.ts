import type { Kysely } from 'kysely';
import type { Schema } from '../../database/schema.ts';
import { recordEvent } from '../security-events/record.ts';
import { replaceRecoveryCodes } from './recovery-codes.ts';
import { useCode } from './use-code.ts';

/**
 * Replaces an account's recovery codes.
 *
 * @param code of the app, or an old recovery code
 * @returns the new ones; undefined if the code is wrong
 */
export function renewRecoveryCodes(
  db: Kysely<Schema>,
  userId: number,
  code: string,
): Promise<string[] | undefined> {
  return db.transaction().execute(async (trx) => {
    if (!(await useCode(trx, userId, code))) return undefined;
    await recordEvent(trx, { kind: 'recovery-codes-made', userId });
    return replaceRecoveryCodes(trx, userId);
  });
}
