import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { isOf, type MentioningText, type TextId } from './render.ts';

/**
 * Records the people that a new text mentions.
 *
 * @param db the transaction that publishes the text
 * @returns their ids
 */
export async function recordMentions(
  db: Db,
  text: TextId,
  { names = new Map() }: Pick<MentioningText, 'names'>,
): Promise<number[]> {
  if (names.size === 0) return [];
  const { postId, commentId } = { postId: null, commentId: null, ...text };
  // The join leaves out people who were deleted since the text was rendered.
  await sql`
    insert into mentions (user_id, post_id, comment_id, name)
    select users.id, ${postId}::int, ${commentId}::int, mentioned.name
    from unnest(${[...names.keys()]}::text[], ${[...names.values()]}::int[]) as mentioned (name, user_id)
    join users on users.id = mentioned.user_id
    for key share of users
  `.execute(db);
  return [...new Set(names.values())];
}

/**
 * Records the people that an edited text mentions.
 *
 * @param db the transaction that edits the text
 * @returns the ids of the people it did not mention before
 */
export async function replaceMentions(
  db: Db,
  text: TextId,
  { names = new Map() }: Pick<MentioningText, 'names'>,
): Promise<number[]> {
  const before = await db.deleteFrom('mentions').where(isOf(text)).returning('user_id as userId').execute();
  const mentioned = await recordMentions(db, text, { names });
  return mentioned.filter((id) => before.every(({ userId }) => userId !== id));
}
