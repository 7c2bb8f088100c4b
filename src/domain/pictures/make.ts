import { createHash } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { Db, Schema } from '../../database/schema.ts';
import type { Picture, RenderPicture } from './picture.ts';

/**
 * Makes a person's picture from their upload, or records why that is impossible. Does nothing if the upload was
 * removed in the meantime, or replaced by one that has its own job.
 */
export async function makePicture(
  { db, renderPicture }: { db: Kysely<Schema>; renderPicture: RenderPicture },
  userId: number,
): Promise<void> {
  const upload = await db
    .selectFrom('picture_uploads')
    .select(['id', 'content'])
    .where('user_id', '=', userId)
    .executeTakeFirst();
  if (!upload?.content) return;
  const result = await renderPicture(upload.content, 'profile');
  if (typeof result === 'string') {
    await db
      .updateTable('picture_uploads')
      .set({ content: null, fault: result })
      .where('user_id', '=', userId)
      .where('id', '=', upload.id)
      .execute();
    return;
  }
  await db.transaction().execute(async (trx) => {
    // Removing the picture locks this row too, so a removed picture does not come back.
    await trx.selectFrom('users').select('id').where('id', '=', userId).forNoKeyUpdate().execute();
    const { numDeletedRows } = await trx
      .deleteFrom('picture_uploads')
      .where('user_id', '=', userId)
      .where('id', '=', upload.id)
      .executeTakeFirst();
    if (numDeletedRows > 0n) await setPicture(trx, userId, result);
  });
}

async function setPicture(trx: Db, userId: number, { files }: Picture): Promise<void> {
  const [small, large] = files.map(({ content }) => content);
  if (!small || !large) throw new Error('A profile picture needs two sizes');
  const hash = createHash('sha256').update(large).digest('base64url');
  const picture = { hash, small, large };
  await trx
    .insertInto('pictures')
    .values({ user_id: userId, ...picture })
    .onConflict((conflict) => conflict.column('user_id').doUpdateSet(picture))
    .execute();
  await trx.updateTable('users').set({ picture_hash: hash }).where('id', '=', userId).execute();
}
