import { sql } from 'kysely';
import type { PictureFault } from '../../database/image-tables.ts';
import type { Db } from '../../database/schema.ts';
import { noSuch } from '../../errors.ts';
import { inSlice, type Page, type PageRequest, readPage, rowCount } from '../page.ts';
import { IS_SHOWN } from '../posts/visibility.ts';
import type { Dimensions } from './image.ts';

/** An image as its owner sees it. */
export interface OwnImage extends Dimensions {
  readonly id: number;
  readonly key: string;
  readonly alt: string;
  /** In bytes. */
  readonly size: number;
  /** Why the upload did not become an image; null if it did, or its job has not run. */
  readonly fault: PictureFault | null;
  readonly createdAt: Date;
  /** How many posts show it. */
  readonly postCount: number;
}

/** Reads one page of a person's images, newest first. */
export function listImages(db: Db, ownerId: number, page: PageRequest): Promise<Page<OwnImage>> {
  return readPage(page, 'desc', (slice) => {
    const images = db.selectFrom('images').where('owner_id', '=', ownerId);
    return inSlice(images, 'images', slice).select(OWN_COLUMNS).execute();
  });
}

export async function countImages(db: Db, ownerId: number): Promise<number> {
  const { count } = await db
    .selectFrom('images')
    .select(rowCount.as('count'))
    .where('owner_id', '=', ownerId)
    .executeTakeFirstOrThrow();
  return count;
}

/**
 * Finds a person's own image.
 *
 * @throws DomainError `not-found` if there is none or it is somebody else's
 */
export function findOwnImage(db: Db, ownerId: number, key: string): Promise<OwnImage> {
  return db
    .selectFrom('images')
    .select(OWN_COLUMNS)
    .where('key', '=', key)
    .where('owner_id', '=', ownerId)
    .executeTakeFirstOrThrow(() => noSuch('image'));
}

const OWN_COLUMNS = [
  ...(['images.id', 'images.key', 'images.alt', 'images.width', 'images.height'] as const),
  ...(['images.size', 'images.fault', 'images.created_at as createdAt'] as const),
  sql<number>`(select count(*)::int from post_images where image_id = images.id)`.as('postCount'),
] as const;

/** The largest file of an image, for an export. */
export interface ListedFile {
  readonly id: number;
  readonly key: string;
  readonly alt: string;
  readonly createdAt: Date;
}

/** Lists all of a person's images that have files, oldest first. */
export function listFiles(db: Db, ownerId: number): Promise<ListedFile[]> {
  return db
    .selectFrom('images')
    .select(['id', 'key', 'alt', 'created_at as createdAt'])
    .where('owner_id', '=', ownerId)
    .where('upload', 'is', null)
    .where('fault', 'is', null)
    .orderBy('id')
    .execute();
}

/** Reads the largest file. Nothing if the image was deleted in the meantime. */
export async function readFile(db: Db, { id }: ListedFile): Promise<Buffer> {
  const file = await db
    .selectFrom('image_files')
    .select('content')
    .where('image_id', '=', id)
    .orderBy('width', 'desc')
    .limit(1)
    .executeTakeFirst();
  return file?.content ?? Buffer.alloc(0);
}

/** One file of an image. */
export interface ImageFile extends Dimensions {
  readonly ownerId: number;
  /** Null until its job has run, and if it could not be read. */
  readonly content: Buffer | null;
  readonly fault: PictureFault | null;
  /** Whether a post that everyone may read shows it. Otherwise only its owner and moderators may see it. */
  readonly isPublic: boolean;
}

/**
 * Finds the image file with the nearest width.
 *
 * @throws DomainError `not-found`
 */
export function findImageFile(db: Db, key: string, width: number): Promise<ImageFile> {
  return db
    .selectFrom('images')
    .select(['owner_id as ownerId', 'width', 'height', 'fault'])
    .select(({ selectFrom, exists }) => [
      selectFrom('image_files')
        .select('content')
        .whereRef('image_id', '=', 'images.id')
        .orderBy(sql`abs(image_files.width - ${width}::int)`)
        .limit(1)
        .as('content'),
      exists(
        selectFrom('post_images')
          .innerJoin('posts', 'posts.id', 'post_images.post_id')
          .whereRef('image_id', '=', 'images.id')
          .where(IS_SHOWN),
      )
        .$castTo<boolean>()
        .as('isPublic'),
    ])
    .where('key', '=', key)
    .executeTakeFirstOrThrow(() => noSuch('image'));
}
