import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';

/** What an account's owner sees of its second factor. */
export interface TwoFactor {
  /** When it was turned on; null if it is off. */
  readonly since: Date | null;
  /** Unused recovery codes. */
  readonly recoveryCodes: number;
}

export function findTwoFactor(db: Db, userId: number): Promise<TwoFactor> {
  return db
    .selectFrom('users')
    .select('totp_since as since')
    .select(
      sql<number>`(select count(*)::int from recovery_codes where user_id = users.id)`.as('recoveryCodes'),
    )
    .where('id', '=', userId)
    .executeTakeFirstOrThrow();
}
