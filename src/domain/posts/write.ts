import { type Kysely, sql } from 'kysely';
import type { Db, Schema } from '../../database/schema.ts';
import { transact } from '../../database/transaction.ts';
import { DomainError, noSuch } from '../../errors.ts';
import type { Queue } from '../../queue/index.ts';
import { notifyQueue, postMailQueue } from '../../queues.ts';
import { can, Permission, type Standing } from '../accounts/roles.ts';
import type { Dependencies } from '../dependencies.ts';
import { textColumns } from '../markdown/text.ts';
import { recordMentions, replaceMentions } from '../mentions/record.ts';
import type { MentioningText } from '../mentions/render.ts';
import { recordActionByOther, recordEvent, type Why } from '../security-events/record.ts';
import { MAILED_AT } from '../subscriptions/mail-post.ts';
import { MAX_TAGS } from '../tags/name.ts';
import { keepVersion } from './keep-version.ts';
import { type PostSource, SOURCE_COLUMNS } from './list.ts';

/** The acting user. */
export interface Actor extends Standing {
  readonly id: number;
}

/** The content of a post. */
export interface Writing extends MentioningText {
  /** Empty or null for none. If undefined, an edit leaves the title. */
  readonly title?: string | null | undefined;
  /** Tags in addition to those in the text. If undefined, an edit leaves them. */
  readonly addedTags?: readonly string[] | undefined;
  /** Whether public lists leave it out. If undefined, a new post is listed, and an edit leaves this. */
  readonly isUnlisted?: boolean | undefined;
}

/**
 * The columns of a post's content; those that are undefined do not change. If there are too many tags, the added ones take
 * precedence.
 */
export function postColumns(post: Writing) {
  const { title, excerptHtml, images, tags, addedTags = [], isUnlisted } = post;
  const added = addedTags.filter((tag) => !tags.includes(tag));
  return {
    ...textColumns(post),
    title: title === undefined ? undefined : title?.trim() || null,
    excerpt_html: excerptHtml,
    image_keys: images,
    tags: [...added, ...tags].slice(0, MAX_TAGS),
    added_tags: added,
    is_unlisted: isUnlisted,
  };
}

/** A post as the edit form needs it. */
export interface EditablePost {
  readonly id: number;
  readonly authorId: number;
  readonly title: string | null;
  readonly addedTags: readonly string[];
  readonly isUnlisted: boolean;
  readonly body: string;
  readonly version: number;
}

/** Whether a user may change or delete a text: its author and Administrators may. */
export function mayChange(actor: Actor | null, { authorId }: { readonly authorId: number }): boolean {
  return can(actor, Permission.WRITE) && (actor?.id === authorId || can(actor, Permission.ADMIN));
}

/**
 * Publishes a post. A job notifies the people it mentions. If it is listed, another mails it to the author's subscribers.
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
      .values({
        author_id: authorId,
        ...postColumns(writing),
        was_listed: !writing.isUnlisted,
      })
      .returning([...SOURCE_COLUMNS, MAILED_AT.as('mailedAt')])
      .executeTakeFirstOrThrow();
    const mentioned = await recordMentions(trx, { postId: post.id }, writing);
    if (mentioned.length > 0) await queue.send(notifyQueue, { about: 'post', postId: post.id }, { db: trx });
    if (mailedAt !== null && !post.isUnlisted)
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
    .select('is_unlisted as isUnlisted')
    .where('id', '=', id)
    .executeTakeFirstOrThrow(() => noSuch('post'));
  if (!mayChange(actor, post)) throw new DomainError('forbidden', 'You can only change your own posts.');
  return post;
}

/**
 * Replaces the content of a post and keeps the former version. A job notifies people newly mentioned. When an unlisted
 * post is listed for the first time, that counts as its publication: it is listed as new, and mailed.
 *
 * @param versions that the edit may be based on; undefined for any
 * @throws DomainError `edit-conflict` if the post has changed since
 */
export async function updatePost(
  { db, queue }: Dependencies,
  id: number,
  writing: Writing,
  versions: readonly number[] | undefined,
): Promise<void> {
  await transact(db, async (trx) => {
    const former = await lockPost(trx, id);
    if (former === undefined || (versions !== undefined && !versions.includes(former.version))) {
      throw new DomainError('edit-conflict', 'The post has changed since you started editing.');
    }
    const { isUnlisted = former.isUnlisted, addedTags = former.addedTags } = writing;
    const isFirstListed = !isUnlisted && !former.wasListed;
    const columns = postColumns({ ...writing, addedTags });
    await keepVersion(trx, id, { title: columns.title, body: columns.body, addedTags: columns.added_tags });
    const { mailedAt } = await trx
      .updateTable('posts')
      .set({
        ...columns,
        version: former.version + 1,
        edited_at: sql`now()`,
        ...(isFirstListed && { was_listed: true, created_at: sql`now()` }),
      })
      .where('id', '=', id)
      .returning(MAILED_AT.as('mailedAt'))
      .executeTakeFirstOrThrow();
    const { authorId } = former;
    await recordActionByOther(trx, { kind: 'post-edited', userId: authorId, detail: { post: id } });
    const added = await replaceMentions(trx, { postId: id }, writing);
    if (added.length > 0) await queue.send(notifyQueue, { about: 'post', postId: id }, { db: trx });
    if (isUnlisted === former.isUnlisted) return;
    if (!former.isDisabled) await addToPostCount(trx, authorId, isUnlisted ? -1 : 1);
    // The job mails a post only once, however often it is listed.
    if (!isUnlisted && mailedAt !== null)
      await queue.send(postMailQueue, { postId: id }, { db: trx, startAfter: mailedAt });
  });
}

/** Locks a post against changes that an edit depends on. */
function lockPost(trx: Db, id: number) {
  return trx
    .selectFrom('posts')
    .select(['author_id as authorId', 'added_tags as addedTags', 'version'])
    .select(['is_unlisted as isUnlisted', 'was_listed as wasListed', 'is_disabled as isDisabled'])
    .where('id', '=', id)
    .forNoKeyUpdate()
    .executeTakeFirst();
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
    const post = await lockPost(trx, id);
    if (post === undefined) throw noSuch('post');
    if (post.isDisabled === isDisabled) return;
    await trx.updateTable('posts').set({ is_disabled: isDisabled }).where('id', '=', id).execute();
    if (!post.isUnlisted) await addToPostCount(trx, post.authorId, isDisabled ? -1 : 1);
    await recordEvent(trx, {
      kind: isDisabled ? 'post-disabled' : 'post-enabled',
      userId: post.authorId,
      detail: { post: id, ...why },
    });
  });
}

/**
 * Corrects a person's counter of listed posts when some are hidden, unlisted or listed again, because its triggers only count
 * inserts and deletes. Unpins a post that is no longer listed.
 */
export async function addToPostCount(trx: Db, userId: number, posts: number): Promise<void> {
  await sql`
    update users set post_count = post_count + ${posts},
      pinned_post_id = (select id from posts where posts.id = pinned_post_id and is_listed)
    where id = ${userId}
  `.execute(trx);
}

/** Deletes a post and its comments. */
export async function deletePost(db: Kysely<Schema>, id: number): Promise<void> {
  await transact(db, async (trx) => {
    // Everything that changes a post or its comments locks the post first and then users by id, as the triggers do, to
    // prevent deadlocks.
    await trx.selectFrom('posts').select('id').where('id', '=', id).forUpdate().execute();
    // An array, because for a subquery, PostgreSQL would read all users.
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
