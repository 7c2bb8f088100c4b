import { type RawBuilder, sql } from 'kysely';

const HOUR = 60 * 60;

/** Seconds without a visit after which a session ends on the server. */
export const SESSION_SECONDS = {
  remembered: 30 * 24 * HOUR,
  unremembered: 24 * HOUR,
  anonymous: HOUR,
} as const;

/** After this many seconds a session ends even if it is used every day (OWASP ASVS 5.0, 7.3.2). */
const MAX_SESSION_SECONDS = 90 * 24 * HOUR;

/** Whether a row of `sessions` is still valid. */
export const IS_VALID = sql<boolean>`
  (sessions.expires_at > now() and sessions.created_at > now() - make_interval(secs => ${sql.lit(MAX_SESSION_SECONDS)}))
`;

/** How long an account remembers an unused browser. */
export const BROWSER_SECONDS = 365 * 24 * HOUR;

/** A time from now, by the database's clock, which all processes share. */
export function expiry(seconds: number): RawBuilder<Date> {
  return sql<Date>`now() + make_interval(secs => ${seconds})`;
}
