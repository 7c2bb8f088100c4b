import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';

/** An account's two-factor authentication, as its owner sees it. */
export interface TwoFactor {
  /** When it was turned on; null if it is off. */
  readonly since: Date | null;
  /** Unused recovery codes. */
  readonly recoveryCodes: number;
}

/** Finds out whether two-factor authentication is on. The account must exist. */
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
