import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { Db, Schema } from '../../database/schema.ts';
import { transact } from '../../database/transaction.ts';
import { DomainError, noSuch } from '../../errors.ts';
import { can, Permission } from '../accounts/roles.ts';
import { recordActionByOther, type Why } from '../security-events/record.ts';
import { latestReplacementOf } from './keep-version.ts';
import { type Actor, mayChange } from './write.ts';

/** A version of a post: the current one or an earlier one. */
export interface PostVersion {
  /** Increases from one version to the next, perhaps by more than one. */
  readonly number: number;
  readonly title: string | null;
  /** In Markdown. Null if somebody has deleted this version. */
  readonly body: string | null;
  readonly addedTags: readonly string[];
  readonly writtenAt: Date;
  /** Null if unknown or erased. */
  readonly writer: string | null;
}

/** A version in a list. */
export interface ListedVersion extends Pick<PostVersion, 'number' | 'writtenAt' | 'writer'> {
  /** Characters of its text; null if somebody has deleted it. */
  readonly length: number | null;
}

/** Selects all kept versions of a post, including the current one. */
function versionsOf(postId: number): RawBuilder<unknown> {
  return sql`
    select version as number, title, body, added_tags, written_at, writer_id from post_versions where post_id = ${postId}
    union all
    select version, title, body, added_tags, coalesce(edited_at, created_at),
      case when latest is null then author_id else latest.replacer_id end
    from posts left join lateral (${latestReplacementOf(postId)}) as latest on true where posts.id = ${postId}
  `;
}

/** Lists the versions of a post that the reader may see, newest first. The first is the current one. */
export async function listVersions(db: Db, postId: number): Promise<ListedVersion[]> {
  const { rows } = await sql<ListedVersion>`
    select number, written_at as "writtenAt", username as writer, length(body) as length
    from (${versionsOf(postId)}) as version left join users on users.id = writer_id
    order by number desc
  `.execute(db);
  return rows;
}

/**
 * Finds a version of a post that the reader may see, and the one that replaced it, which is undefined for the current one.
 *
 * @throws DomainError `not-found`
 */
export async function findVersion(
  db: Db,
  postId: number,
  number: number,
): Promise<{ version: PostVersion; next: PostVersion | undefined }> {
  const { rows } = await sql<PostVersion>`
    select number, title, body, added_tags as "addedTags", written_at as "writtenAt", username as writer
    from (${versionsOf(postId)}) as version left join users on users.id = writer_id
    where number >= ${number} order by number limit 2
  `.execute(db);
  const [version, next] = rows;
  if (version?.number !== number) throw noSuch('version');
  return { version, next };
}

/** Whether a user may delete earlier versions of a post: its author and moderators may. */
export function mayDeleteVersions(actor: Actor | null, post: { readonly authorId: number }): boolean {
  return mayChange(actor, post) || can(actor, Permission.MODERATE);
}

/**
 * Deletes the text of an earlier version, which stays in the list. Does nothing if it is already deleted.
 *
 * @throws DomainError `not-found`, also for the current version, or `forbidden` unless `mayDeleteVersions`
 */
export async function deleteVersion(
  db: Kysely<Schema>,
  actor: Actor,
  { postId, number }: { readonly postId: number; readonly number: number },
  why: Why = {},
): Promise<void> {
  await transact(db, async (trx) => {
    const found = await trx
      .selectFrom('post_versions')
      .innerJoin('posts', 'posts.id', 'post_id')
      .select(['author_id as authorId', 'post_versions.body'])
      .where('post_id', '=', postId)
      .where('post_versions.version', '=', number)
      .forUpdate('post_versions')
      .executeTakeFirstOrThrow(() => noSuch('version'));
    if (!mayDeleteVersions(actor, found))
      throw new DomainError('forbidden', 'You can only delete versions of your own posts.');
    if (found.body === null) return;
    await trx
      .updateTable('post_versions')
      .set({ title: null, body: null, added_tags: [] })
      .where('post_id', '=', postId)
      .where('version', '=', number)
      .execute();
    const detail = { post: postId, ...why };
    await recordActionByOther(trx, { kind: 'version-deleted', userId: found.authorId, detail });
  });
}

/** A version's title, body and added tags as one text. Null if somebody has deleted it. */
export function sourceOf({ title, body, addedTags }: PostVersion): string | null {
  if (body === null) return null;
  const tags = addedTags.map((tag) => `#${tag}`).join(' ');
  return [title ?? '', body, tags].filter((part) => part !== '').join('\n\n');
}

/** An earlier version, for an export. */
export interface FormerVersion extends Pick<PostVersion, 'title' | 'body' | 'addedTags' | 'writtenAt'> {
  readonly postId: number;
}

/** Reads all earlier versions of a post that were not deleted, oldest first. */
export function readFormerVersions(db: Db, postId: number): Promise<FormerVersion[]> {
  return db
    .selectFrom('post_versions')
    .select(['post_id as postId', 'title', 'body', 'added_tags as addedTags', 'written_at as writtenAt'])
    .where('post_id', '=', postId)
    .where('body', 'is not', null)
    .orderBy('version')
    .execute();
}
