import type { Db } from '../../database/schema.ts';
import { noSuch } from '../../errors.ts';

/**
 * Deletes a person's own image. Posts that show it then have its alternative text instead.
 *
 * @throws DomainError `not-found` if there is none or it is somebody else's
 */
export async function removeImage(db: Db, ownerId: number, key: string): Promise<void> {
  const { numDeletedRows } = await db
    .deleteFrom('images')
    .where('key', '=', key)
    .where('owner_id', '=', ownerId)
    .executeTakeFirst();
  if (numDeletedRows === 0n) throw noSuch('image');
}
