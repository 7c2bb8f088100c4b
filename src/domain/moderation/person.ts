import type { Role, SecurityEventKind } from '../../database/account-tables.ts';
import type { Db } from '../../database/schema.ts';
import { noSuch } from '../../errors.ts';
import { SILENCED_UNTIL, SUSPENDED_UNTIL } from '../accounts/standing.ts';
import { type AnyEvent, listEvents } from '../security-events/list.ts';

/** A person as moderators see them. */
export interface ModeratedPerson {
  readonly id: number;
  readonly username: string;
  readonly role: Role;
  readonly silencedUntil: Date | null;
  readonly suspendedUntil: Date | null;
  readonly pictureHash: string | null;
}

/**
 * Finds a person for moderators.
 *
 * @throws DomainError `not-found`
 */
export function findModerated(db: Db, id: number): Promise<ModeratedPerson> {
  return db
    .selectFrom('users')
    .select(['id', 'username', 'role', 'picture_hash as pictureHash'])
    .select([SILENCED_UNTIL.as('silencedUntil'), SUSPENDED_UNTIL.as('suspendedUntil')])
    .where('id', '=', id)
    .executeTakeFirstOrThrow(() => noSuch('user'));
}

/** Lists the latest actions of moderators on a person and their texts, newest first. */
export async function listModeration(db: Db, userId: number): Promise<readonly AnyEvent[]> {
  const { events } = await listEvents(db, { userId, kinds: MODERATION_KINDS }, undefined);
  return events;
}

/** Actions of moderators and Administrators on people and their texts. */
export const MODERATION_KINDS: readonly SecurityEventKind[] = [
  'warned',
  'silenced',
  'suspended',
  'sanction-lifted',
  'texts-disabled',
  'texts-enabled',
  'picture-removed',
  'post-disabled',
  'post-enabled',
  'comment-disabled',
  'comment-enabled',
  'comment-deleted',
  'post-edited',
  'comment-edited',
  'post-deleted',
  'version-deleted',
  'reports-closed',
  'role-changed',
  'access-ended',
  'account-deleted',
];
