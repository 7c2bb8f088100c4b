import { sql } from 'kysely';

/** The state of an account, as expressions on rows of `users`. */

/** Whether an account has confirmed its address. */
export const IS_CONFIRMED = sql<boolean>`(users.confirmed_at is not null)`;

/** Until when nobody can log in; null if the account is not suspended. */
export const SUSPENDED_UNTIL = sql<Date | null>`(case when suspended_until > now() then suspended_until end)`;

/** Until when an account can only read; null if it can write. */
export const SILENCED_UNTIL = sql<Date | null>`(case when silenced_until > now() then silenced_until end)`;

/** Whether an account is neither suspended nor about to be deleted. */
export const IS_OPEN = sql<boolean>`(
  deletion_due_at is null and (suspended_until is null or suspended_until <= now())
)`;

/** Whether logging in to an account needs a second factor. */
export const HAS_TWO_FACTOR = sql<boolean>`(totp_secret is not null or passkey_count > 0)`;
