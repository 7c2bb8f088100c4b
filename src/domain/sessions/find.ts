import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import type { Standing } from '../accounts/roles.ts';
import { SILENCED_UNTIL } from '../accounts/standing.ts';
import { unreadCount } from '../notifications/unread.ts';
import { hashToken } from '../token.ts';
import { expiry, IS_VALID, SESSION_SECONDS } from './lifetime.ts';
import type { Message } from './messages.ts';
import { VERIFIED_SECONDS } from './renew.ts';

/** A valid session and its user. */
export interface FoundSession {
  /** Null for a visitor who is not logged in. */
  readonly user: SessionUser | null;
  readonly isRemembered: boolean;
  /** Whether the password was given in the last ten minutes. */
  readonly isVerified: boolean;
  readonly messages: readonly Message[];
  /** Whether this visit extended the session. Its cookie must then be extended too. */
  readonly wasRenewed: boolean;
}

export interface SessionUser extends Standing {
  readonly id: number;
  readonly email: string;
  readonly username: string;
  /** Whether mail to their address has bounced. */
  readonly isBouncing: boolean;
  /** Whether the session's last visit was more than a minute ago, so it should be recorded again. */
  readonly isLastSeenStale: boolean;
  /** Whether they joined less than a week ago. */
  readonly isNewcomer: boolean;
  /** Whether they joined less than a day ago, so lower limits apply. */
  readonly isNew: boolean;
  readonly followedCount: number;
  /** Up to `MAX_COUNTED`. */
  readonly unreadCount: number;
}

interface SessionColumns {
  readonly isRemembered: boolean;
  readonly isVerified: boolean;
  readonly messages: readonly Message[];
  readonly secondsLeft: number;
}

/** A session's row, with all columns of its account or none. */
type SessionRow = SessionColumns & (SessionUser | { readonly id: null });

/** A session is extended at most this many times per lifetime. Reading pages therefore rarely writes. */
const RENEWALS_PER_LIFETIME = 24;

/** Finds the session of a cookie and extends it occasionally. Undefined if it is unknown or has expired. */
export async function findSession(db: Db, token: string): Promise<FoundSession | undefined> {
  const tokenHash = hashToken(token);
  const { rows } = await sql<SessionRow>`
    select
      is_remembered as "isRemembered", flash as messages,
      verified_at > now() - make_interval(secs => ${VERIFIED_SECONDS}) as "isVerified",
      extract(epoch from expires_at - now())::float8 as "secondsLeft",
      users.id, email, username, role, followed_count as "followedCount",
      confirmed_at is not null as "isConfirmed", ${SILENCED_UNTIL} as "silencedUntil",
      email_bounced_at is not null as "isBouncing",
      sessions.last_seen_at < now() - interval '1 minute' as "isLastSeenStale",
      users.created_at > now() - interval '7 days' as "isNewcomer",
      users.created_at > now() - interval '1 day' as "isNew",
      ${unreadCount(sql.ref('users.id'))} as "unreadCount"
    from sessions left join users on users.id = user_id
    where token_hash = ${tokenHash} and ${IS_VALID}
  `.execute(db);
  const [row] = rows;
  if (row === undefined) return undefined;

  const { isRemembered, isVerified, messages, secondsLeft, ...account } = row;
  const user = account.id === null ? null : account;
  const lifetime = isRemembered ? SESSION_SECONDS.remembered : SESSION_SECONDS.unremembered;
  const isDue = user !== null && secondsLeft < lifetime * (1 - 1 / RENEWALS_PER_LIFETIME);
  if (isDue) {
    await db
      .updateTable('sessions')
      .set({ expires_at: expiry(lifetime) })
      .where('token_hash', '=', tokenHash)
      .execute();
  }
  return { user, isRemembered, isVerified, messages, wasRenewed: isDue };
}

/** Which of these sessions are still valid, by the hashes of their tokens. Returns hashes in hexadecimal. */
export async function findValidSessions(db: Db, hashes: readonly Buffer[]): Promise<ReadonlySet<string>> {
  const { rows } = await sql<{ hash: Buffer }>`
    select token_hash as hash from sessions where token_hash = any(${hashes}::bytea[]) and ${IS_VALID}
  `.execute(db);
  return new Set(rows.map(({ hash }) => hash.toString('hex')));
}
