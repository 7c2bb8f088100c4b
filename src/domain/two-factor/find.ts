import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { HAS_TWO_FACTOR } from '../accounts/standing.ts';

/** An account's two-factor authentication, as its owner sees it. */
export interface TwoFactor {
  /** Whether logging in takes more than the password. */
  readonly isOn: boolean;
  /** When an app was set up; null without one. */
  readonly since: Date | null;
  /** How many passkeys there are. */
  readonly passkeys: number;
  /** Unused recovery codes. */
  readonly recoveryCodes: number;
}

/** Finds out whether two-factor authentication is on, by an app or passkeys. The account must exist. */
export function findTwoFactor(db: Db, userId: number): Promise<TwoFactor> {
  return db
    .selectFrom('users')
    .select(['totp_since as since', 'passkey_count as passkeys', HAS_TWO_FACTOR.as('isOn')])
    .select(
      sql<number>`(select count(*)::int from recovery_codes where user_id = users.id)`.as('recoveryCodes'),
    )
    .where('id', '=', userId)
    .executeTakeFirstOrThrow();
}
