import { sql } from 'kysely';
import { DomainError } from '../../errors.ts';
import type { Db } from '../../schema.ts';
import { violatedConstraint } from '../violated-constraint.ts';
import type { EditableProfile } from './find.ts';

/** Changes what a person says of themselves. */
export async function editOwnProfile(
  db: Db,
  id: number,
  { name, location, aboutMe }: Pick<EditableProfile, 'name' | 'location' | 'aboutMe'>,
): Promise<void> {
  await db.updateTable('users').set({ name, location, about_me: aboutMe }).where('id', '=', id).execute();
}

/**
 * Changes anything about an account, as an Administrator may.
 *
 * @throws DomainError `email-taken` or `username-taken`
 */
export async function editAnyProfile(db: Db, { id, ...profile }: EditableProfile): Promise<void> {
  const { email, username, role, isConfirmed, name, location, aboutMe } = profile;
  try {
    await db
      .updateTable('users')
      .set({ email, username, role, name, location, about_me: aboutMe })
      .set({ confirmed_at: isConfirmed ? sql<Date>`coalesce(confirmed_at, now())` : null })
      .where('id', '=', id)
      .execute();
  } catch (error) {
    const constraint = violatedConstraint(error);
    if (constraint === 'users_email_key') throw new DomainError('email-taken', 'Email already registered.');
    if (constraint === 'users_username_key')
      throw new DomainError('username-taken', 'Username already in use.');
    throw error;
  }
}
