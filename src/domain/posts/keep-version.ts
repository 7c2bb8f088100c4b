import { type RawBuilder, sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { currentOrigin } from '../security-events/origin.ts';

/** The fields of a post that have versions. */
export interface VersionedText {
  /** Undefined if it does not change. */
  readonly title: string | null | undefined;
  readonly body: string;
  readonly addedTags: readonly string[];
}

/** Earlier versions per post. */
export const MAX_VERSIONS = 50;

/** Edits by one person within this time count as one. Otherwise corrections would fill the history. */
const EDIT_WINDOW = sql`interval '5 minutes'`;

/**
 * Keeps the content of a post before it is replaced. Does nothing if nothing changes, or if the same person began to edit it
 * within the last minutes: the version before that is already kept.
 *
 * @param trx the transaction that replaces it, with the post locked
 */
export async function keepVersion(trx: Db, postId: number, next: VersionedText): Promise<void> {
  const { userId } = currentOrigin();
  const title = next.title === undefined ? sql`title` : sql`${next.title}::text`;
  await sql`
    insert into post_versions (post_id, version, title, body, added_tags, written_at, writer_id, replacer_id)
    select posts.id, posts.version, title, body, added_tags, coalesce(edited_at, created_at),
      case when latest is null then author_id else latest.replacer_id end, ${userId}::int
    from posts left join lateral (${latestReplacementOf(postId)}) as latest on true
    where posts.id = ${postId}
      and (title, body, added_tags) is distinct from (${title}, ${next.body}::text, ${next.addedTags}::text[])
      and (latest.replacer_id = ${userId}::int and latest.replaced_at > now() - ${EDIT_WINDOW}) is not true
  `.execute(trx);
  await sql`
    delete from post_versions where post_id = ${postId} and version <= (
      select version from post_versions where post_id = ${postId}
      order by version desc offset ${sql.lit(MAX_VERSIONS)} limit 1
    )
  `.execute(trx);
}

/** Who last replaced the content of a post, and when. No row if nobody has. */
export function latestReplacementOf(postId: number): RawBuilder<unknown> {
  return sql`
    select replacer_id, replaced_at from post_versions where post_id = ${postId} order by version desc limit 1
  `;
}
