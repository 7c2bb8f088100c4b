import { type Kysely, sql } from 'kysely';
import type { Db, Schema } from '../../database/schema.ts';
import { transact } from '../../database/transaction.ts';
import { DomainError, noSuch } from '../../errors.ts';
import { notifyQueue, postMailQueue, type Queue } from '../../queue/contracts.ts';
import { can, Permission, type Standing } from '../accounts/roles.ts';
import { textColumns } from '../markdown/text.ts';
import { recordMentions, replaceMentions } from '../mentions/record.ts';
import type { MentioningText } from '../mentions/render.ts';
import { recordActionByOther, recordEvent, type Why } from '../security-events/record.ts';
import { MAILED_AT } from '../subscriptions/mail-post.ts';
import { MAX_TAGS } from '../tags/name.ts';
import { type PostSource, SOURCE_COLUMNS } from './list.ts';

/** The user who acts, as the rules need it. */
export interface Actor extends Standing {
  readonly id: number;
}

/** What a post says. */
export interface Writing extends MentioningText {
  /** Empty or null for a post without one. Without this, an edit leaves the title. */
  readonly title?: string | null | undefined;
  /** Tags besides those in the text. Without this, an edit leaves them. */
  readonly addedTags?: readonly string[] | undefined;
}

/** The columns of a post's text, title and tags. Of more tags than a post can have, the added ones go first. */
export function postColumns(post: Writing) {
  const { title, excerptHtml, images, tags, addedTags = [] } = post;
  const added = addedTags.filter((tag) => !tags.includes(tag));
  return {
    ...textColumns(post),
    ...(title !== undefined && { title: title?.trim() || null }),
    excerpt_html: excerptHtml,
    image_keys: images,
    tags: [...added, ...tags].slice(0, MAX_TAGS),
    added_tags: added,
  };
}

/** A post as the edit form needs it. */
export interface EditablePost {
  readonly id: number;
  readonly authorId: number;
  readonly title: string | null;
  readonly addedTags: readonly string[];
  readonly body: string;
  readonly version: number;
}

/** Whether a user may change or delete a text: its author and Administrators may. */
export function mayChange(actor: Actor | null, { authorId }: { readonly authorId: number }): boolean {
  return can(actor, Permission.WRITE) && (actor?.id === authorId || can(actor, Permission.ADMIN));
}

/**
 * Publishes a post. Whom it mentions is notified by a job, and who subscribes to the author by another.
 *
 * @param db a transaction to take part in, or the database to start one
 */
export async function publishPost(
  { db, queue }: { db: Db; queue: Queue },
  authorId: number,
  writing: Writing,
): Promise<PostSource> {
  const publish = async (trx: Db) => {
    const { mailedAt, ...post } = await trx
      .insertInto('posts')
      .values({ author_id: authorId, ...postColumns(writing) })
      .returning([...SOURCE_COLUMNS, MAILED_AT.as('mailedAt')])
      .executeTakeFirstOrThrow();
    const mentioned = await recordMentions(trx, { postId: post.id }, writing);
    if (mentioned.length > 0) await queue.send(notifyQueue, { about: 'post', postId: post.id }, { db: trx });
    if (mailedAt !== null)
      await queue.send(postMailQueue, { postId: post.id }, { db: trx, startAfter: mailedAt });
    return post;
  };
  return db.isTransaction ? publish(db) : transact(db, publish);
}

/**
 * Loads a post to be changed.
 *
 * @throws DomainError `not-found`, or `forbidden` for anyone but its author and Administrators
 */
export async function loadForChange(db: Db, actor: Actor, id: number): Promise<EditablePost> {
  const post = await db
    .selectFrom('posts')
    .select(['id', 'author_id as authorId', 'title', 'added_tags as addedTags', 'body', 'version'])
    .where('id', '=', id)
    .executeTakeFirstOrThrow(() => noSuch('post'));
  if (!mayChange(actor, post)) throw new DomainError('forbidden', 'You can only change your own posts.');
  return post;
}

/**
 * Replaces what a post says. Whom it did not mention before is notified by a job.
 *
 * @param versions that the edit may be based on; undefined for any
 * @throws DomainError `edit-conflict` if the post has changed since
 */
export async function updatePost(
  { db, queue }: { db: Kysely<Schema>; queue: Queue },
  id: number,
  post: Writing,
  versions: readonly number[] | undefined,
): Promise<void> {
  await transact(db, async (trx) => {
    const addedTags = post.addedTags ?? (await lockAddedTags(trx, id));
    let update = trx
      .updateTable('posts')
      .set(({ eb }) => ({
        ...postColumns({ ...post, addedTags }),
        version: eb('version', '+', 1),
        edited_at: sql`now()`,
      }))
      .where('id', '=', id);
    if (versions !== undefined) update = update.where(sql<boolean>`version = any(${versions}::int[])`);
    const updated = await update.returning('author_id as authorId').executeTakeFirst();
    if (updated === undefined) {
      throw new DomainError('edit-conflict', 'The post has changed since you started editing.');
    }
    await recordActionByOther(trx, { kind: 'post-edited', userId: updated.authorId, detail: { post: id } });
    const added = await replaceMentions(trx, { postId: id }, post);
    if (added.length > 0) await queue.send(notifyQueue, { about: 'post', postId: id }, { db: trx });
  });
}

/** Reads the tags that an edit leaves, so that none changes them meanwhile. */
async function lockAddedTags(trx: Db, id: number): Promise<readonly string[] | undefined> {
  const post = trx.selectFrom('posts').select('added_tags as addedTags').where('id', '=', id);
  return (await post.forNoKeyUpdate().executeTakeFirst())?.addedTags;
}

/**
 * Hides a post from everyone but moderators, or shows it again.
 *
 * @throws DomainError `not-found`
 */
export async function setPostDisabled(
  db: Kysely<Schema>,
  id: number,
  isDisabled: boolean,
  why: Why = {},
): Promise<void> {
  await transact(db, async (trx) => {
    const post = await trx
      .selectFrom('posts')
      .select(['author_id as authorId', 'is_disabled as isDisabled'])
      .where('id', '=', id)
      .forNoKeyUpdate()
      .executeTakeFirstOrThrow(() => noSuch('post'));
    if (post.isDisabled === isDisabled) return;
    await trx.updateTable('posts').set({ is_disabled: isDisabled }).where('id', '=', id).execute();
    await addToPostCount(trx, post.authorId, isDisabled ? -1 : 1);
    await recordEvent(trx, {
      kind: isDisabled ? 'post-disabled' : 'post-enabled',
      userId: post.authorId,
      detail: { post: id, ...why },
    });
  });
}

/**
 * Corrects a person's counter when their posts are hidden or shown, because its triggers only see posts come and go. Unpins
 * a hidden post.
 */
export async function addToPostCount(trx: Db, userId: number, posts: number): Promise<void> {
  await sql`
    update users set post_count = post_count + ${posts},
      pinned_post_id = (select id from posts where posts.id = pinned_post_id and not is_disabled)
    where id = ${userId}
  `.execute(trx);
}

/** Deletes a post and its comments. */
export async function deletePost(db: Kysely<Schema>, id: number): Promise<void> {
  await transact(db, async (trx) => {
    // Everything that changes a post or its comments locks the post first, and then users in order of their ids, as the
    // triggers do. So it cannot deadlock.
    await trx.selectFrom('posts').select('id').where('id', '=', id).forUpdate().execute();
    // An array, because PostgreSQL would read all users to find those of a subquery.
    await sql`
      select from users where id = any(array(
        select author_id from posts where id = ${id} union select author_id from comments where post_id = ${id}
      )) order by id for no key update
    `.execute(trx);
    const deleted = await trx
      .deleteFrom('posts')
      .where('id', '=', id)
      .returning('author_id as authorId')
      .executeTakeFirst();
    if (deleted === undefined) return;
    await recordActionByOther(trx, { kind: 'post-deleted', userId: deleted.authorId, detail: { post: id } });
  });
}
