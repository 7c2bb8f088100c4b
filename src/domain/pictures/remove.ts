import type { Kysely } from 'kysely';
import type { Db, Schema } from '../../database/schema.ts';
import { type Moderator, requirePerson } from '../moderation/sanction.ts';
import { recordEvent } from '../security-events/record.ts';

/** Removes a person's own picture and upload. */
export async function removeOwnPicture(db: Kysely<Schema>, userId: number): Promise<void> {
  await db.transaction().execute((trx) => removePicture(trx, userId));
}

/**
 * Removes a person's picture and upload for a moderator.
 *
 * @throws DomainError `not-found`, or `forbidden` unless `maySanction`
 */
export async function removePictureOf(
  db: Kysely<Schema>,
  moderator: Moderator,
  userId: number,
): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await requirePerson(trx, moderator, userId);
    await removePicture(trx, userId);
    await recordEvent(trx, { kind: 'picture-removed', userId });
  });
}

/** Updates the person's row first, because the job that makes their picture locks it. */
async function removePicture(trx: Db, userId: number): Promise<void> {
  await trx.updateTable('users').set({ picture_hash: null }).where('id', '=', userId).execute();
  await trx.deleteFrom('pictures').where('user_id', '=', userId).execute();
  await trx.deleteFrom('picture_uploads').where('user_id', '=', userId).execute();
}
