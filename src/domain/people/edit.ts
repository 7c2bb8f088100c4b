import { type Kysely, sql } from 'kysely';
import { DomainError } from '../../errors.ts';
import type { Db, Schema } from '../../schema.ts';
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
 * @throws DomainError `email-taken`, `username-taken`, or `last-administrator` when nobody would be left to administer
 */
export async function editAnyProfile(db: Kysely<Schema>, { id, ...profile }: EditableProfile): Promise<void> {
  const { email, username, role, isConfirmed, name, location, aboutMe } = profile;
  try {
    await db.transaction().execute(async (trx) => {
      if (role !== 'Administrator' || !isConfirmed) await requireAnotherAdministrator(trx, id);
      await trx
        .updateTable('users')
        .set({ email, username, role, name, location, about_me: aboutMe })
        .set({ confirmed_at: isConfirmed ? sql<Date>`coalesce(confirmed_at, now())` : null })
        .where('id', '=', id)
        .execute();
    });
  } catch (error) {
    const constraint = violatedConstraint(error);
    if (constraint === 'users_email_key') throw new DomainError('email-taken', 'Email already registered.');
    if (constraint === 'users_username_key')
      throw new DomainError('username-taken', 'Username already in use.');
    throw error;
  }
}

/** Makes sure that an account may stop being an Administrator. The lock makes two who demote each other take turns. */
async function requireAnotherAdministrator(trx: Db, id: number): Promise<void> {
  const administrators = await trx
    .selectFrom('users')
    .select('id')
    .where('role', '=', 'Administrator')
    .where('confirmed_at', 'is not', null)
    .orderBy('id')
    .forUpdate()
    .execute();
  if (administrators.length === 1 && administrators[0]?.id === id) {
    throw new DomainError(
      'last-administrator',
      'This is the only Administrator. Make somebody else Administrator first.',
    );
  }
}
