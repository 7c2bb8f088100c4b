import type { Kysely } from 'kysely';
import type { Db, Schema } from '../../database/schema.ts';
import { DomainError } from '../../errors.ts';
import { rowCount } from '../page.ts';

/** Tags that one person can follow. The Followed tab looks up each of them. */
export const MAX_FOLLOWED_TAGS = 100;

/**
 * Follows a tag. Following it again changes nothing.
 *
 * @throws DomainError `too-many-followed-tags`
 */
export async function followTag(db: Kysely<Schema>, userId: number, tag: string): Promise<void> {
  await db.transaction().execute(async (trx) => {
    // Otherwise, two concurrent follows would not count each other.
    await trx.selectFrom('users').select('id').where('id', '=', userId).forNoKeyUpdate().execute();
    const followed = { user_id: userId, tag };
    await trx
      .insertInto('tag_follows')
      .values(followed)
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    const { total } = await trx
      .selectFrom('tag_follows')
      .select(rowCount.as('total'))
      .where('user_id', '=', userId)
      .executeTakeFirstOrThrow();
    if (total > MAX_FOLLOWED_TAGS) {
      throw new DomainError('too-many-followed-tags', `You can follow ${MAX_FOLLOWED_TAGS} tags at most.`);
    }
  });
}

/** Stops following a tag. */
export async function unfollowTag(db: Db, userId: number, tag: string): Promise<void> {
  await db.deleteFrom('tag_follows').where('user_id', '=', userId).where('tag', '=', tag).execute();
}

export async function followsTag(db: Db, userId: number, tag: string): Promise<boolean> {
  const found = db.selectFrom('tag_follows').select('tag').where('user_id', '=', userId);
  return (await found.where('tag', '=', tag).executeTakeFirst()) !== undefined;
}

/** Lists the tags that a person follows, in alphabetical order. */
export function listFollowedTags(db: Db, userId: number): Promise<{ tag: string; since: Date }[]> {
  return db
    .selectFrom('tag_follows')
    .select(['tag', 'created_at as since'])
    .where('user_id', '=', userId)
    .orderBy('tag')
    .execute();
}
