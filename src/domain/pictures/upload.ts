import { pictureQueue } from '../../queues.ts';
import type { Dependencies } from '../dependencies.ts';

/**
 * Stores an upload and enqueues the job that makes a picture from it. Replaces an earlier upload.
 *
 * @param content at most `MAX_UPLOAD` bytes
 */
export async function uploadPicture(
  { db, queue }: Dependencies,
  userId: number,
  content: Buffer,
): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await trx
      .insertInto('picture_uploads')
      .values({ user_id: userId, content })
      .onConflict((conflict) =>
        conflict.column('user_id').doUpdateSet(({ ref }) => ({
          id: ref('excluded.id'),
          content: ref('excluded.content'),
          fault: null,
          created_at: ref('excluded.created_at'),
        })),
      )
      .execute();
    await queue.send(pictureQueue, { userId }, { db: trx });
  });
}
