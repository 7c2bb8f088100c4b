import type { Kysely } from 'kysely';
import type { Schema } from '../../database/schema.ts';
import type { RenderPicture } from '../pictures/picture.ts';

/**
 * Makes the files of an uploaded image, or records why that is impossible. Does nothing if the image was deleted in the
 * meantime.
 */
export async function makeImage(
  { db, renderPicture }: { db: Kysely<Schema>; renderPicture: RenderPicture },
  id: number,
): Promise<void> {
  const image = await db.selectFrom('images').select('upload').where('id', '=', id).executeTakeFirst();
  if (!image?.upload) return;
  const result = await renderPicture(image.upload, 'post');
  const made =
    typeof result === 'string'
      ? { files: [], change: { fault: result } }
      : { files: result.files, change: { width: result.width, height: result.height } };
  const size = made.files.reduce((sum, { content }) => sum + content.length, 0);
  await db.transaction().execute(async (trx) => {
    const { numUpdatedRows } = await trx
      .updateTable('images')
      .set({ ...made.change, upload: null, size })
      .where('id', '=', id)
      .where('upload', 'is not', null)
      .executeTakeFirst();
    if (numUpdatedRows === 0n || made.files.length === 0) return;
    const files = made.files.map((file) => ({ image_id: id, ...file }));
    await trx.insertInto('image_files').values(files).execute();
  });
}
