import { sql, type Transaction } from 'kysely';
import { Secret } from 'otpauth';
import type { Schema } from '../../database/schema.ts';
import { HAS_TWO_FACTOR } from '../accounts/standing.ts';
import { hashToken } from '../token.ts';

/** Recovery codes that an account gets at once. */
const RECOVERY_CODES = 10;

/** 120 random bits are 24 characters. From 112 bits on, a fast hash is enough (OWASP ASVS 5.0, 6.5.2). */
const CODE_BYTES = 15;

/** Replaces an account's recovery codes. Only their hashes are stored. Returns them in groups of four characters. */
export async function replaceRecoveryCodes(trx: Transaction<Schema>, userId: number): Promise<string[]> {
  const codes = Array.from({ length: RECOVERY_CODES }, () => new Secret({ size: CODE_BYTES }).base32);
  await trx.deleteFrom('recovery_codes').where('user_id', '=', userId).execute();
  await trx
    .insertInto('recovery_codes')
    .values(codes.map((code) => ({ user_id: userId, code_hash: hashToken(code) })))
    .execute();
  return codes.map((code) => code.toLowerCase().replaceAll(/.{4}(?=.)/g, '$&-'));
}

/**
 * Uses up a recovery code.
 *
 * @param code without separators, in upper case
 * @returns whether the account had it
 */
export async function useRecoveryCode(
  trx: Transaction<Schema>,
  userId: number,
  code: string,
): Promise<boolean> {
  const { numDeletedRows } = await trx
    .deleteFrom('recovery_codes')
    .where('user_id', '=', userId)
    .where('code_hash', '=', hashToken(code))
    .executeTakeFirst();
  return numDeletedRows > 0n;
}

/** Deletes an account's recovery codes if its password alone is enough. */
export async function deleteUnusableCodes(trx: Transaction<Schema>, userId: number): Promise<void> {
  await trx
    .deleteFrom('recovery_codes')
    .where('user_id', '=', userId)
    .where(sql<boolean>`not (select ${HAS_TWO_FACTOR} from users where id = ${userId})`)
    .execute();
}
