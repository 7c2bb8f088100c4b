import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { DomainError } from '../../errors.ts';
import { BULK_PICTURE_PRIORITY } from '../../queues.ts';
import type { Dependencies } from '../dependencies.ts';
import { uploadImage } from '../images/upload.ts';
import type { Archive } from './archive.ts';
import type { ImportedImage } from './read.ts';

interface Work {
  readonly underway: { readonly id: number; readonly userId: number };
  readonly archive: Archive;
  readonly images: readonly ImportedImage[];
}

/**
 * Imports images under their keys on the other site, because the posts refer to those. Leaves out images that cannot be read
 * or do not fit into the person's quota, and those with keys that belong to somebody else. Safe to repeat.
 *
 * @param options.quota the bytes that all of a person's images may take
 */
export async function importImages(
  { db, queue }: Dependencies,
  { underway: { id, userId }, archive, images }: Work,
  { quota, signal }: { quota: number; signal: AbortSignal },
): Promise<void> {
  const keys = images.map(({ key }) => key);
  const present = (await findImages(db, keys)).map(({ key }) => key);
  const taken = new Set([...present, ...(await findShownByOthers(db, userId, keys))]);
  for (const { key, file, alt } of images.filter((image) => !taken.has(image.key))) {
    signal.throwIfAborted();
    try {
      const content = await archive.read(file);
      const image = { ownerId: userId, alt, key, priority: BULK_PICTURE_PRIORITY };
      if (content?.length) await uploadImage({ db, queue }, { ...image, content }, quota);
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
    }
  }
  const own = (await findImages(db, keys)).filter(({ ownerId }) => ownerId === userId).length;
  await db
    .updateTable('data_imports')
    .set({ images: own, images_left_out: new Set(keys).size - own })
    .where('id', '=', id)
    .execute();
}

/** Finds keys in others' posts. They may be of deleted images, and a new image with such a key would appear there. */
async function findShownByOthers(db: Db, userId: number, keys: readonly string[]): Promise<string[]> {
  const { rows } = await sql<{ key: string }>`
    select unnest(image_keys) as key from posts
    where image_keys <> '{}' and image_keys && ${keys}::text[] and author_id <> ${userId}
  `.execute(db);
  return rows.map(({ key }) => key);
}

function findImages(db: Db, keys: readonly string[]): Promise<{ key: string; ownerId: number }[]> {
  return db
    .selectFrom('images')
    .select(['key', 'owner_id as ownerId'])
    .where(sql<boolean>`key = any(${keys}::text[])`)
    .execute();
}
