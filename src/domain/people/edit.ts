import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { DomainError } from '../../errors.ts';
import type { Queue } from '../../queue/index.ts';
import { mailQueue } from '../../queues.ts';
import { canonicalEmail } from '../accounts/email.ts';
import { endAccess } from '../accounts/end-access.ts';
import { requireAnotherAdministrator } from '../accounts/last-administrator.ts';
import { IS_CONFIRMED } from '../accounts/standing.ts';
import type { Dependencies } from '../dependencies.ts';
import { closeApplication } from '../joining/apply.ts';
import { recordEvent } from '../security-events/record.ts';
import { violatedConstraint } from '../violated-constraint.ts';
import type { EditableProfile } from './find.ts';

/** Changes a person's own profile. */
export async function editOwnProfile(
  db: Db,
  id: number,
  { name, location, aboutMe }: Pick<EditableProfile, 'name' | 'location' | 'aboutMe'>,
): Promise<void> {
  await db.updateTable('users').set({ name, location, about_me: aboutMe }).where('id', '=', id).execute();
}

/**
 * Changes anything about an account, for Administrators. A new email address ends all access to the account, and the old
 * address is notified.
 *
 * @param options.session the token hash of the session to keep, for an Administrator's own account
 * @throws DomainError `email-taken`, `username-taken`, or `last-administrator` if no Administrator would be left
 */
export async function editAnyProfile(
  { db, queue }: Dependencies,
  { id, ...profile }: EditableProfile,
  { session }: { session: Buffer | undefined },
): Promise<void> {
  const { email, username, role, isConfirmed, name, location, aboutMe } = profile;
  try {
    await db.transaction().execute(async (trx) => {
      if (role !== 'Administrator' || !isConfirmed) await requireAnotherAdministrator(trx, id);
      const before = await trx
        .selectFrom('users')
        .select(['email', 'role', IS_CONFIRMED.as('isConfirmed')])
        .where('id', '=', id)
        .forUpdate()
        .executeTakeFirstOrThrow();
      await trx
        .updateTable('users')
        .set({ email, username, role, name, location, about_me: aboutMe })
        .set({ confirmed_at: isConfirmed ? sql<Date>`coalesce(confirmed_at, now())` : null })
        .where('id', '=', id)
        .execute();
      if (isConfirmed) await closeApplication(trx, id);
      if (before.role !== role) {
        await recordEvent(trx, { kind: 'role-changed', userId: id, detail: { role } });
      }
      if (before.isConfirmed !== isConfirmed) {
        await recordEvent(trx, { kind: isConfirmed ? 'confirmed' : 'unconfirmed', userId: id });
      }
      if (canonicalEmail(before.email) === canonicalEmail(email)) return;
      await endAccess(trx, id, { exceptSession: session });
      await recordEvent(trx, { kind: 'address-changed', userId: id });
      await reportChange({ trx, queue }, { userId: id, oldEmail: before.email, newEmail: email });
    });
  } catch (error) {
    const constraint = violatedConstraint(error);
    if (constraint === 'users_email_key') throw new DomainError('email-taken', 'Email already registered.');
    if (constraint === 'users_username_key')
      throw new DomainError('username-taken', 'Username already in use.');
    throw error;
  }
}

/** Notifies the old address. Also voids links to undo an earlier change, which would override the Administrator. */
async function reportChange(
  { trx, queue }: { trx: Db; queue: Queue },
  { userId, oldEmail, newEmail }: { userId: number; oldEmail: string; newEmail: string },
): Promise<void> {
  await trx.deleteFrom('email_changes').where('user_id', '=', userId).execute();
  const { id: emailChangeId } = await trx
    .insertInto('email_changes')
    .values({ user_id: userId, new_email: newEmail, old_email: oldEmail, completed_at: sql<Date>`now()` })
    .returning('id')
    .executeTakeFirstOrThrow();
  await queue.send(mailQueue, { template: 'email-changed-for-you', emailChangeId }, { db: trx });
}
