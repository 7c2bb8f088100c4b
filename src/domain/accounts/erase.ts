import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { Db, Schema } from '../../database/schema.ts';
import { inBatches } from '../../database/transaction.ts';
import type { Progress } from '../../queue/index.ts';
import { NO_NOTIFICATIONS } from '../people/mail-choices.ts';

/** Rows per transaction, to hold locks only briefly. */
const BATCH_SIZE = 1_000;

/**
 * Erases an account whose deletion is due, in batches. Does nothing if it was undone or is already done.
 *
 * @param options.signal stops between two batches. The next attempt continues from there.
 * @param options.progress is told how many tables are done
 */
export async function eraseAccount(
  db: Kysely<Schema>,
  userId: number,
  options: { signal: AbortSignal; progress?: Progress },
): Promise<void> {
  const account = await db
    .selectFrom('users')
    .select('deletion_keeps_texts as keepsTexts')
    .where('id', '=', userId)
    .where('deletion_due_at', '<=', sql<Date>`now()`)
    .executeTakeFirst();
  if (account === undefined) return;
  if (!account.keepsTexts) await eraseTexts(db, userId, options);
  await inBatches(db, (trx) => deleteFrom(trx, 'post_versions', ofOwnPosts(userId)), options);
  await eraseImages(db, userId, options);
  for (const [index, [table, column]] of PERSONAL.entries()) {
    options.progress?.(index, PERSONAL.length, table);
    await inBatches(db, (trx) => deleteFrom(trx, table, sql`${sql.ref(column)} = ${userId}`), options);
  }
  const ownSubscriptions = sql`email = (
    select lower(users.email) from users where id = ${userId} and users.confirmed_at is not null
  )`;
  await inBatches(db, (trx) => deleteFrom(trx, 'subscriptions', ownSubscriptions), options);
  if (account.keepsTexts) await anonymise(db, userId);
  else await db.deleteFrom('users').where('id', '=', userId).execute();
}

/** A person's rows other than texts, by table and column. */
const PERSONAL = [
  ['sessions', 'user_id'],
  ['pending_log_ins', 'user_id'],
  ['recovery_codes', 'user_id'],
  ['passkeys', 'user_id'],
  ['known_browsers', 'user_id'],
  ['api_tokens', 'user_id'],
  ['mailed_tokens', 'user_id'],
  ['email_changes', 'user_id'],
  ['follows', 'follower_id'],
  ['follows', 'followed_id'],
  ['tag_follows', 'user_id'],
  ['blocks', 'blocker_id'],
  ['blocks', 'blocked_id'],
  ['mentions', 'user_id'],
  ['reports', 'reporter_id'],
  ['reports', 'person_id'],
  ['likes', 'user_id'],
  ['bookmarks', 'user_id'],
  ['drafts', 'author_id'],
  ['data_exports', 'user_id'],
  ['data_imports', 'user_id'],
  ['pictures', 'user_id'],
  ['picture_uploads', 'user_id'],
  ['idempotency_keys', 'user_id'],
  ['subscriptions', 'author_id'],
  ['notifications', 'recipient_id'],
  ['notifications', 'actor_id'],
  ['notification_mails', 'user_id'],
  ['mail_deliveries', 'user_id'],
  ['digests', 'user_id'],
  ['applications', 'user_id'],
  ['invited_people', 'user_id'],
  ['invitations', 'inviter_id'],
  ['security_events', 'user_id'],
] as const;

/** Former versions go even if the posts stay: their author has replaced them. */
function ofOwnPosts(userId: number): RawBuilder<boolean> {
  return sql`post_id in (select id from posts where author_id = ${userId})`;
}

/** Deletes a person's posts with everyone's comments, likes and bookmarks, then their comments on others' posts. */
async function eraseTexts(
  db: Kysely<Schema>,
  userId: number,
  options: { signal: AbortSignal },
): Promise<void> {
  const posts = sql`select id from posts where author_id = ${userId} order by position limit 100`;
  const erasePosts = async (trx: Db) => {
    for (const table of ['comments', 'likes', 'bookmarks']) {
      const deleted = await deleteFrom(trx, table, sql`post_id = any(array(${posts}))`);
      if (deleted > 0) return deleted;
    }
    return deleteFrom(trx, 'posts', sql`id = any(array(${posts}))`);
  };
  await inBatches(db, erasePosts, options);
  await inBatches(db, (trx) => deleteFrom(trx, 'comments', sql`author_id = ${userId}`), options);
}

/** Deletes the images that no post shows: all, unless the texts stay. */
async function eraseImages(
  db: Kysely<Schema>,
  userId: number,
  options: { signal: AbortSignal },
): Promise<void> {
  const unused = sql`not exists (select from post_images where image_id = images.id)`;
  await inBatches(db, (trx) => deleteFrom(trx, 'images', sql`owner_id = ${userId} and ${unused}`), options);
}

/** What says nothing about the person, and what triggers change. The types require every other column of `users` below. */
type Kept =
  | 'id'
  | 'created_at'
  | 'confirmed_at'
  | 'last_seen_at'
  | 'suspended_until'
  | 'silenced_until'
  | 'deletion_keeps_texts'
  | 'email_bounced_at'
  | 'passkey_count'
  | 'post_count'
  | 'comment_count'
  | 'follower_count'
  | 'followed_count';

/** Leaves an account with a meaningless name, and an address and a password that nobody can use. */
async function anonymise(db: Db, userId: number): Promise<void> {
  await db
    .updateTable('users')
    .set({
      email: `deleted-${userId}@invalid`,
      username: `deleted.${userId}`,
      password_hash: '',
      totp_secret: null,
      totp_since: null,
      totp_last_step: null,
      role: 'User' as const,
      deletion_due_at: null,
      name: '',
      location: '',
      about_me: '',
      avatar_seed: sql<string>`gen_random_uuid()`,
      picture_hash: null,
      pinned_post_id: null,
      unsubscribe_key: sql<string>`gen_random_uuid()`,
      wants_digest: false,
      ...NO_NOTIFICATIONS,
    } satisfies Record<Exclude<keyof Schema['users'], Kept>, unknown>)
    .where('id', '=', userId)
    .execute();
}

async function deleteFrom(trx: Db, table: string, condition: RawBuilder<unknown>): Promise<number> {
  const { numAffectedRows = 0n } = await sql`
    delete from ${sql.table(table)}
    where ctid = any(array(select ctid from ${sql.table(table)} where ${condition} limit ${BATCH_SIZE}))
  `.execute(trx);
  return Number(numAffectedRows);
}
