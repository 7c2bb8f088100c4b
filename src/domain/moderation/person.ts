import { sql } from 'kysely';
import type { Role, SecurityEventDetail, SecurityEventKind } from '../../database/account-tables.ts';
import type { Db } from '../../database/schema.ts';
import { noSuch } from '../../errors.ts';
import { SILENCED_UNTIL, SUSPENDED_UNTIL } from '../accounts/standing.ts';

/** A person as moderators see them. */
export interface ModeratedPerson {
  readonly id: number;
  readonly username: string;
  readonly role: Role;
  readonly silencedUntil: Date | null;
  readonly suspendedUntil: Date | null;
}

/** @throws DomainError `not-found` */
export function findModerated(db: Db, id: number): Promise<ModeratedPerson> {
  return db
    .selectFrom('users')
    .select(['id', 'username', 'role'])
    .select([SILENCED_UNTIL.as('silencedUntil'), SUSPENDED_UNTIL.as('suspendedUntil')])
    .where('id', '=', id)
    .executeTakeFirstOrThrow(() => noSuch('user'));
}

/** Something that was done to a person or what they wrote. */
export interface Moderation {
  readonly id: number;
  readonly kind: SecurityEventKind;
  readonly detail: SecurityEventDetail;
  readonly at: Date;
  /** Null if the moderator's account was deleted. */
  readonly moderator: string | null;
}

/** The newest of these that are listed. */
const MOST = 50;

/** Lists what moderators did to a person, newest first. */
export async function listModeration(db: Db, userId: number): Promise<Moderation[]> {
  const events = db
    .selectFrom('security_events')
    .select(['id', 'kind', 'detail', 'created_at as at', 'actor_id'])
    .where('user_id', '=', userId)
    .where(sql<boolean>`kind = any(${MODERATION_KINDS}::text[])`)
    .orderBy('id', 'desc')
    .limit(sql.lit(MOST));
  return db
    .selectFrom(events.as('event'))
    .leftJoin('users', 'users.id', 'event.actor_id')
    .select(['event.id', 'event.kind', 'event.detail', 'event.at', 'users.username as moderator'])
    .orderBy('event.id', 'desc')
    .execute();
}

const MODERATION_KINDS: readonly SecurityEventKind[] = [
  'warned',
  'silenced',
  'suspended',
  'sanction-lifted',
  'texts-disabled',
  'texts-enabled',
  'post-disabled',
  'post-enabled',
  'comment-disabled',
  'comment-enabled',
];
