import { sql } from 'kysely';
import type { PictureFault } from '../../database/image-tables.ts';
import type { Db } from '../../database/schema.ts';
import { noSuch } from '../../errors.ts';
import type { PictureSize } from './picture.ts';

/** A person's picture as its owner sees it. */
export interface OwnPicture {
  readonly avatarSeed: string;
  /** Null if they have none. */
  readonly pictureHash: string | null;
  /** Whether an upload is waiting for its job. */
  readonly isWaiting: boolean;
  /** Why the last upload did not become a picture; null if it did. */
  readonly fault: PictureFault | null;
}

/** Finds a person's picture and the state of their last upload. The account must exist. */
export function findOwnPicture(db: Db, userId: number): Promise<OwnPicture> {
  return db
    .selectFrom('users')
    .leftJoin('picture_uploads as upload', 'upload.user_id', 'users.id')
    .select(['avatar_seed as avatarSeed', 'picture_hash as pictureHash', 'upload.fault'])
    .select(sql<boolean>`upload.content is not null`.as('isWaiting'))
    .where('users.id', '=', userId)
    .executeTakeFirstOrThrow();
}

/** Finds the file of a person's picture, in its larger size. */
export async function findPicture(db: Db, userId: number): Promise<Buffer | undefined> {
  const found = await db
    .selectFrom('pictures')
    .select('large')
    .where('user_id', '=', userId)
    .executeTakeFirst();
  return found?.large;
}

/**
 * Reads a picture by its hash. Several people may have the same one.
 *
 * @throws DomainError `not-found`
 */
export async function readPicture(db: Db, hash: string, size: PictureSize): Promise<Buffer> {
  const { content } = await db
    .selectFrom('pictures')
    .select(`${size} as content`)
    .where('hash', '=', hash)
    .limit(1)
    .executeTakeFirstOrThrow(() => noSuch('picture'));
  return content;
}
