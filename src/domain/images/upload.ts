import { randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { DomainError } from '../../errors.ts';
import type { Queue } from '../../queue/index.ts';
import { pictureQueue } from '../../queues.ts';
import type { OwnImage } from './find.ts';
import { inspectUpload } from './inspect.ts';

export interface ImageUpload {
  readonly ownerId: number;
  /** At most `MAX_ALT_LENGTH` characters; empty if the image is decorative. */
  readonly alt: string;
  /** At most `MAX_IMAGE_UPLOAD` bytes. */
  readonly content: Buffer;
  /** The key in its address, which matches `KEY_PATTERN` and is not taken. Random by default. */
  readonly key?: string;
  /** The priority of its job. By default, the queue's. */
  readonly priority?: number;
}

/** The minimum size, in bytes, that an image counts as. The quota thus also limits the number of images. */
const MIN_SIZE = 100_000;

/**
 * Stores an image and enqueues the job that makes its files. A post can show it before the job has run, because its
 * dimensions and addresses are known at once.
 *
 * @param quota the bytes that all of a person's images may take
 * @throws DomainError `unusable-image`, or `image-quota-used`
 */
export async function uploadImage(
  { db, queue }: { db: Db; queue: Queue },
  { ownerId, alt, content, key = randomBytes(16).toString('base64url'), priority }: ImageUpload,
  quota: number,
): Promise<OwnImage> {
  const dimensions = inspectUpload(content);
  const store = async (trx: Db) => {
    // Otherwise, two concurrent uploads could both fit.
    await trx.selectFrom('users').select('id').where('id', '=', ownerId).forNoKeyUpdate().execute();
    const used = await usedBytes(trx, ownerId);
    if (used + Math.max(content.length, MIN_SIZE) > quota) {
      const size = `${Math.floor(quota / 2 ** 20)} MB`;
      throw new DomainError(
        'image-quota-used',
        `Your images can take up ${size}. Delete some to upload others.`,
      );
    }
    const image = await trx
      .insertInto('images')
      .values({
        key,
        owner_id: ownerId,
        alt,
        ...dimensions,
        upload: content,
        size: content.length,
      })
      .returning(['id', 'key', 'created_at as createdAt'])
      .executeTakeFirstOrThrow();
    await queue.send(
      pictureQueue,
      { imageId: image.id },
      { db: trx, ...(priority !== undefined && { priority }) },
    );
    return { ...image, alt, ...dimensions, size: content.length, fault: null, postCount: 0 };
  };
  return db.isTransaction ? store(db) : db.transaction().execute(store);
}

/** The bytes that a person's images take of their quota. */
export async function usedBytes(db: Db, ownerId: number): Promise<number> {
  const { used } = await db
    .selectFrom('images')
    .select(sql<number>`coalesce(sum(greatest(size, ${MIN_SIZE})), 0)::float`.as('used'))
    .where('owner_id', '=', ownerId)
    .executeTakeFirstOrThrow();
  return used;
}
