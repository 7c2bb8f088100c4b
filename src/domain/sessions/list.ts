import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { IS_VALID } from './lifetime.ts';

/** Sessions that are listed. An account may have more. */
const MAX_LISTED = 100;

/** Where an account is logged in. */
export interface ListedSession {
  /** Its token's hash, in hexadecimal. */
  readonly id: string;
  readonly userAgent: string;
  /** The IP address of the last visit; null if unknown. */
  readonly address: string | null;
  readonly createdAt: Date;
  /** Accurate to a minute. */
  readonly lastSeenAt: Date;
}

/** Lists an account's sessions, the most recently used first. */
export function listSessions(db: Db, userId: number): Promise<ListedSession[]> {
  return db
    .selectFrom('sessions')
    .select(sql<string>`encode(token_hash, 'hex')`.as('id'))
    .select(['user_agent as userAgent', 'address', 'created_at as createdAt', 'last_seen_at as lastSeenAt'])
    .where('user_id', '=', userId)
    .where(IS_VALID)
    .orderBy('last_seen_at', 'desc')
    .limit(MAX_LISTED)
    .execute();
}
