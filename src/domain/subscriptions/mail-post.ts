import { type RawBuilder, sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { newShare, type Queue, type Share } from '../../queue/index.ts';
import { BULK_MAIL_PRIORITY, mailQueue } from '../../queues.ts';
import { IS_OPEN } from '../accounts/standing.ts';
import type { Dependencies } from '../dependencies.ts';
import { IS_LISTED } from '../posts/visibility.ts';
import { ARE_SUBSCRIPTIONS_ON } from './terms.ts';

/** Subscriptions per transaction. */
const BATCH_SIZE = 500;

/** Posts of one author that are mailed per day. The others are on the site and in the feed. */
const MAX_PER_DAY = 10;

/**
 * When to mail a post that is being published, as an expression on its row: after a few minutes, in which its author can correct
 * or delete it, and a moderator can hide it. Null if nobody subscribes to its author.
 */
export const MAILED_AT: RawBuilder<Date | null> = sql`(case when exists (
  select from subscriptions where subscriptions.author_id = posts.author_id and confirmed_at is not null
) then now() + interval '5 minutes' end)`;

/**
 * Enqueues a mail with a post to everyone who subscribed to its author before it was published. Safe to repeat: each batch
 * records its progress in the transaction that enqueues its mails. Does nothing if the post was deleted, hidden or unlisted,
 * or if its author was suspended or has published too many.
 *
 * @param options.signal stops between two batches
 * @returns the number of mails enqueued
 */
export async function mailPost(
  { db, queue }: Dependencies,
  postId: number,
  { signal }: { signal: AbortSignal },
): Promise<number> {
  await begin(db, postId);
  const share = newShare();
  for (let total = 0; ; ) {
    signal.throwIfAborted();
    const mails = await db.transaction().execute((trx) => enqueueBatch(trx, queue, { postId, share }));
    if (mails === 0) return total;
    total += mails;
  }
}

/** Records that a post is being mailed, if it should be. Not a post older than a week, whose record may have been pruned. */
async function begin(db: Db, postId: number): Promise<void> {
  await sql`
    insert into post_mailings (post_id)
    select posts.id from posts join users on users.id = author_id
    where posts.id = ${postId} and posts.created_at > now() - interval '7 days'
      and ${IS_LISTED} and ${IS_OPEN} and ${ARE_SUBSCRIPTIONS_ON} and (
        select count(*) from post_mailings join posts as earlier on earlier.id = post_id
        where post_mailings.created_at > now() - interval '1 day' and earlier.author_id = posts.author_id
      ) < ${sql.lit(MAX_PER_DAY)}
    on conflict do nothing
  `.execute(db);
}

async function enqueueBatch(
  trx: Db,
  queue: Queue,
  { postId, share }: { postId: number; share: Share },
): Promise<number> {
  const mailing = await trx
    .selectFrom('post_mailings')
    .innerJoin('posts', 'posts.id', 'post_id')
    .select(['after_id as afterId', 'posts.author_id as authorId', 'posts.created_at as publishedAt'])
    .where('post_id', '=', postId)
    .forNoKeyUpdate('post_mailings')
    .executeTakeFirst();
  if (mailing === undefined) return 0;
  const subscriptions = await trx
    .selectFrom('subscriptions')
    .select('id')
    .where('author_id', '=', mailing.authorId)
    .where('id', '>', mailing.afterId)
    .where('confirmed_at', '<', mailing.publishedAt)
    .orderBy('id')
    .limit(BATCH_SIZE)
    .execute();
  const last = subscriptions.at(-1);
  if (last === undefined) return 0;
  const mails = subscriptions.map(({ id }) => ({
    template: 'new-post' as const,
    subscriptionId: id,
    postId,
  }));
  await queue.sendAll(mailQueue, mails, { db: trx, priority: BULK_MAIL_PRIORITY, share });
  await trx.updateTable('post_mailings').set({ after_id: last.id }).where('post_id', '=', postId).execute();
  return mails.length;
}
