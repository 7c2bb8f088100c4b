import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';

/** A person and the post that they like or bookmark. */
export interface Mark {
  readonly userId: number;
  readonly postId: number;
}

/** Inserts a like or a bookmark. Returns whether it is new. Does nothing for a post that was deleted in the meantime. */
export async function insertMark(
  db: Db,
  table: 'likes' | 'bookmarks',
  { userId, postId }: Mark,
): Promise<boolean> {
  const { numAffectedRows } = await sql`
    insert into ${sql.table(table)} (user_id, post_id)
    select ${userId}::int, id from posts where id = ${postId} for key share
    on conflict do nothing
  `.execute(db);
  return numAffectedRows === 1n;
}

/** Deletes a like or a bookmark. Does nothing if there is none. */
export async function deleteMark(
  db: Db,
  table: 'likes' | 'bookmarks',
  { userId, postId }: Mark,
): Promise<void> {
  await db.deleteFrom(table).where('user_id', '=', userId).where('post_id', '=', postId).execute();
}
