import { type Kysely, sql } from 'kysely';
import type { Role } from '../../database/account-tables.ts';
import type { Db, Schema } from '../../database/schema.ts';
import { DomainError, noSuch } from '../../errors.ts';
import { can, Permission } from '../accounts/roles.ts';
import type { Rendered } from '../markdown/render.ts';
import { recordInterference } from '../security-events/record.ts';
import { type PostSource, SOURCE_COLUMNS } from './list.ts';

/** Who acts, as far as the rules need to know. */
export interface Actor {
  readonly id: number;
  readonly role: Role;
  readonly isConfirmed: boolean;
}

/** A post as its editor needs it. */
export interface EditablePost {
  readonly id: number;
  readonly authorId: number;
  readonly body: string;
  readonly version: number;
}

/** Whether somebody may change or delete what somebody wrote: its author may, and an Administrator. */
export function mayChange(actor: Actor | null, { authorId }: { readonly authorId: number }): boolean {
  return actor?.isConfirmed === true && (actor.id === authorId || can(actor, Permission.ADMIN));
}

/** Publishes a post. */
export function publishPost(db: Db, authorId: number, { body, html }: Rendered): Promise<PostSource> {
  return db
    .insertInto('posts')
    .values({ author_id: authorId, body, body_html: html })
    .returning(SOURCE_COLUMNS)
    .executeTakeFirstOrThrow();
}

/**
 * The post somebody wants to change.
 *
 * @throws DomainError `not-found`, or `forbidden` to anybody but its author and an Administrator
 */
export async function loadForChange(db: Db, actor: Actor, id: number): Promise<EditablePost> {
  const post = await db
    .selectFrom('posts')
    .select(['id', 'author_id as authorId', 'body', 'version'])
    .where('id', '=', id)
    .executeTakeFirstOrThrow(() => noSuch('post'));
  if (!mayChange(actor, post)) throw new DomainError('forbidden', 'You can only change your own posts.');
  return post;
}

/**
 * Replaces the text of a post.
 *
 * @param versions those that the edit may have begun with; undefined to replace whatever is there
 * @throws DomainError `edit-conflict` when somebody else has changed the post since
 */
export async function updatePost(
  db: Kysely<Schema>,
  id: number,
  { body, html }: Rendered,
  versions: readonly number[] | undefined,
): Promise<void> {
  await db.transaction().execute(async (trx) => {
    let update = trx
      .updateTable('posts')
      .set(({ eb }) => ({
        body,
        body_html: html,
        version: eb('version', '+', 1),
        edited_at: sql`now()`,
      }))
      .where('id', '=', id);
    if (versions !== undefined) update = update.where(sql<boolean>`version = any(${versions}::int[])`);
    const updated = await update.returning('author_id as authorId').executeTakeFirst();
    if (updated === undefined) {
      throw new DomainError('edit-conflict', 'The post has changed since you started editing.');
    }
    await recordInterference(trx, { kind: 'post-edited', userId: updated.authorId, detail: { post: id } });
  });
}

/** Deletes a post, and its comments with it. */
export async function deletePost(db: Kysely<Schema>, id: number): Promise<void> {
  await db.transaction().execute(async (trx) => {
    // Everybody whose counters change is locked first, in the order of their ids, as the triggers do.
    await sql`
      select from users where id in (
        select author_id from posts where id = ${id} union all select author_id from comments where post_id = ${id}
      ) order by id for no key update
    `.execute(trx);
    const deleted = await trx
      .deleteFrom('posts')
      .where('id', '=', id)
      .returning('author_id as authorId')
      .executeTakeFirst();
    if (deleted === undefined) return;
    await recordInterference(trx, { kind: 'post-deleted', userId: deleted.authorId, detail: { post: id } });
  });
}
