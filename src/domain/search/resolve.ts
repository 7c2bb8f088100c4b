import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { MAX_ID } from '../page.ts';
import { MAX_POSITION, positionAt } from '../posts/position.ts';
import type { Search } from './parse.ts';

/** What can be searched for words. */
export type TextKind = 'posts' | 'comments';

/** A search in the database's terms. */
export interface ResolvedSearch {
  /** A `tsquery`; null to find all texts that pass the filters. */
  readonly exact: string | null;
  /**
   * A `tsquery` for the index alone, which matches the same texts and perhaps more: it ignores the order of words in phrases,
   * and words to exclude. Null if the index is of no use, as for a search that only excludes words.
   */
  readonly loose: string | null;
  /** In lower case; undefined for any. For comments, the tag of their post. */
  readonly tag: string | undefined;
  /** Undefined for any. */
  readonly author: { readonly id: number; readonly textCount: number } | undefined;
  /** The keys of texts in the requested time, from `firstKey` up to but not including `endKey`. */
  readonly firstKey: number;
  readonly endKey: number;
}

/** No position of a post is larger, and no id of a comment. */
export const MAX_KEY = { posts: MAX_POSITION, comments: MAX_ID };

/** The operators between the words of a phrase in a `tsquery`. */
const PHRASE = sql.lit('<(?:-|\\d+)>');

/**
 * Looks up the people and tags in a search, in one statement.
 *
 * @returns a `fault` to tell the person who typed it if nothing can be found
 */
export async function resolveSearch(
  db: Db,
  kind: TextKind,
  { words, from, tag, after, before }: Search,
): Promise<ResolvedSearch | { readonly fault: string }> {
  const end = sql.lit(MAX_KEY[kind]);
  const since = (moment: Date) =>
    kind === 'posts'
      ? sql`${positionAt(moment)}::float8`
      : sql`coalesce((select id from comments where created_at >= ${moment} order by created_at, id limit 1), ${end})`;
  const count = sql.ref(kind === 'posts' ? 'post_count' : 'comment_count');
  const { rows } = await sql<{
    exact: string;
    loose: string;
    author: { id: number; textCount: number } | null;
    firstKey: number;
    endKey: number;
  }>`
    select
      exact::text as exact,
      regexp_replace(querytree(exact), ${PHRASE}, '&', 'g') as loose,
      (
        select json_build_object('id', id, 'textCount', ${count}) from users
        where lower(username) = ${from?.toLowerCase() ?? null} and confirmed_at is not null
      ) as author,
      ${after === undefined ? sql`0` : since(after)}::float8 as "firstKey",
      ${before === undefined ? end : since(before)}::float8 as "endKey"
    from (select websearch_to_tsquery(search_config(), without_accents(${words})) as exact) as query
  `.execute(db);
  const [found] = rows;
  if (found === undefined) throw new Error('a select without a table returned no row');
  if (from !== undefined && found.author === null) return { fault: `Nobody here is called ${from}.` };
  if (words !== '' && found.exact === '')
    return { fault: 'These words are in almost every text. Add a rarer one.' };
  return {
    exact: found.exact === '' ? null : found.exact,
    loose: found.loose === '' || found.loose === 'T' ? null : found.loose,
    tag,
    author: found.author ?? undefined,
    firstKey: found.firstKey,
    endKey: found.endKey,
  };
}
