import type { Kysely } from 'kysely';
import type { Db, Schema } from '../../database/schema.ts';
import { transact } from '../../database/transaction.ts';
import { DomainError, noSuch } from '../../errors.ts';

/**
 * Pins a post to the top of its author's profile, in place of any other.
 *
 * @throws DomainError `not-found`, also for a hidden or unlisted post, or `forbidden` for anyone but its author
 */
export async function pinPost(db: Kysely<Schema>, userId: number, postId: number): Promise<void> {
  await transact(db, async (trx) => {
    // Locked, because the post must not be hidden or unlisted concurrently.
    const post = await trx
      .selectFrom('posts')
      .select(['author_id as authorId', 'is_listed as isListed'])
      .where('id', '=', postId)
      .forNoKeyUpdate()
      .executeTakeFirstOrThrow(() => noSuch('post'));
    if (post.authorId !== userId) throw new DomainError('forbidden', 'You can only pin your own posts.');
    if (!post.isListed) throw noSuch('post');
    await trx.updateTable('users').set({ pinned_post_id: postId }).where('id', '=', userId).execute();
  });
}

/** Unpins a post from its author's profile. Does nothing if it is not pinned. */
export async function unpinPost(db: Db, userId: number, postId: number): Promise<void> {
  await db
    .updateTable('users')
    .set({ pinned_post_id: null })
    .where('id', '=', userId)
    .where('pinned_post_id', '=', postId)
    .execute();
}
