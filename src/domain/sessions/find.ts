import { sql } from 'kysely';
import type { Db, Role } from '../../schema.ts';
import { hashToken } from '../token.ts';
import { expiry, SESSION_SECONDS } from './lifetime.ts';

/** A session that is still good, and who it belongs to. */
export interface FoundSession {
  /** Null for a visitor who is not signed in. */
  readonly user: SessionUser | null;
  readonly isRemembered: boolean;
  readonly messages: readonly string[];
  /** Whether this visit moved the end of the session, so that a remembered one's cookie must move too. */
  readonly wasRenewed: boolean;
}

export interface SessionUser {
  readonly id: number;
  readonly email: string;
  readonly username: string;
  readonly role: Role;
  readonly isConfirmed: boolean;
  /** Whether their last visit was so long ago that it should be written down anew. */
  readonly isLastSeenStale: boolean;
  /** Whether they joined less than a week ago. */
  readonly isNewcomer: boolean;
}

/** A session is renewed once in this share of its lifetime, so that reading pages hardly ever writes. */
const RENEWALS_PER_LIFETIME = 24;

/** Finds the session of a cookie, and puts off its end now and then. Undefined when it is unknown or over. */
export async function findSession(db: Db, token: string): Promise<FoundSession | undefined> {
  const tokenHash = hashToken(token);
  const row = await db
    .selectFrom('sessions')
    .leftJoin('users', 'users.id', 'sessions.user_id')
    .select(['sessions.is_remembered', 'sessions.flash'])
    .select(['users.id', 'users.email', 'users.username', 'users.role', 'users.confirmed_at'])
    .select(sql<boolean>`users.last_seen_at < now() - interval '1 minute'`.as('is_last_seen_stale'))
    .select(sql<boolean>`users.created_at > now() - interval '7 days'`.as('is_newcomer'))
    .select(sql<number>`extract(epoch from sessions.expires_at - now())::float8`.as('seconds_left'))
    .where('sessions.token_hash', '=', tokenHash)
    .where('sessions.expires_at', '>', sql<Date>`now()`)
    .executeTakeFirst();
  if (row === undefined) return undefined;

  const { id, email, username, role } = row;
  const isAnonymous = id === null || email === null || username === null || role === null;
  const user = isAnonymous
    ? null
    : {
        id,
        email,
        username,
        role,
        isConfirmed: row.confirmed_at !== null,
        isLastSeenStale: row.is_last_seen_stale,
        isNewcomer: row.is_newcomer,
      };
  const lifetime = row.is_remembered ? SESSION_SECONDS.remembered : SESSION_SECONDS.unremembered;
  const isDue = user !== null && row.seconds_left < lifetime * (1 - 1 / RENEWALS_PER_LIFETIME);
  if (isDue) {
    await db
      .updateTable('sessions')
      .set({ expires_at: expiry(lifetime) })
      .where('token_hash', '=', tokenHash)
      .execute();
  }
  return { user, isRemembered: row.is_remembered, messages: row.flash, wasRenewed: isDue };
}
