import type { Db } from '../../database/schema.ts';

/**
 * Ends a subscription and keeps nothing of it. Does nothing if it has ended.
 *
 * @param key from the link in its mails
 */
export async function unsubscribeFromPosts(db: Db, key: string): Promise<void> {
  await db.deleteFrom('subscriptions').where('unsubscribe_key', '=', key).execute();
}
