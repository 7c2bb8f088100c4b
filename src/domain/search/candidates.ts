import { type RawBuilder, sql } from 'kysely';
import { IS_OPEN } from '../accounts/standing.ts';
import { isMutedBy } from '../blocks/hide.ts';
import { IS_LISTED } from '../posts/visibility.ts';
import { MAX_KEY, type ResolvedSearch, type TextKind } from './resolve.ts';

/** The most texts that are ranked, from each of the two ways to find them. */
export const MAX_RANKED = 100;

/** How many of the newest texts are scanned. */
const MAX_SCANNED = 5_000;

/** Every text has a word for its range of keys: `~` and the key without these bits, as in the migration. */
const RANGE_BITS = { posts: 43, comments: 17 };

/** How many of the newest matches in the index are read. */
const MAX_LOOKED_UP = 500;

/** What to search, and for whom. */
export interface Texts {
  readonly kind: TextKind;
  /** The person whose muted and blocked people are left out; undefined for a visitor. */
  readonly readerId: number | undefined;
}

/** The table with the texts' words, and the columns with their keys: posts' positions or comments' ids. */
export function wordsOf(kind: TextKind) {
  return kind === 'posts'
    ? { table: sql.table('post_words'), key: sql.ref('position'), textKey: sql.ref('posts.position') }
    : { table: sql.table('comment_words'), key: sql.ref('comment_id'), textKey: sql.ref('comments.id') };
}

/**
 * Finds the newest matches, as the last two of three common table expressions: in the newest texts, and in the index.
 *
 * Ranking reads every match, and a common word may have hundreds of thousands, so only the newest are ranked. Scanning the
 * newest texts is fast for a common word; the index is fast for a rare one. Which is faster is not known in advance, so the
 * index is used if the newest texts have too few matches. The index has no order, so it is searched one range of keys at a
 * time.
 */
export function candidates({ kind, readerId }: Texts, search: ResolvedSearch): RawBuilder<unknown> {
  const words = wordsOf(kind);
  const { exact, loose, author, firstKey, endKey } = search;
  const isMatch =
    exact === null ? sql`key >= ${firstKey}` : sql`key >= ${firstKey} and words @@ ${opaque(exact)}`;
  // The `+ 0` keeps PostgreSQL from using an index on keys. Left out when it is always true, because the planner
  // underestimates its rows and then expects so much work that PostgreSQL might compile the query first.
  const isInTime =
    firstKey === 0 && endKey === MAX_KEY[kind]
      ? sql`true`
      : sql`${words.key} + 0 >= ${firstKey} and ${words.key} + 0 < ${endKey}`;
  // The `offset 0` makes PostgreSQL check visibility only for matches. They stay in the order of the index, so nothing is
  // sorted and no more is read than needed.
  const visibleOf = (matches: RawBuilder<unknown>) => sql`
    select near.key from (select key from (${matches}) as every where ${isMatch} order by key desc offset 0) as near
    cross join lateral (${visible(kind, search, readerId)}) as visible
    order by near.key desc limit ${sql.lit(MAX_RANKED)}
  `;
  const isEverythingScanned = loose === null || (author !== undefined && author.textCount < MAX_SCANNED);
  return sql`
    in_newest as materialized (${visibleOf(newestTexts(kind, search))}),
    in_index as materialized (
      select each.key from ${rangesOf(kind, search)} as range
      cross join lateral (
        select ${words.key} as key from ${words.table}
        where words @@ (${opaque(loose ?? '')} && ('''~' || range || '''')::tsquery)
          and ${isInTime}
        order by key desc limit ${sql.lit(MAX_LOOKED_UP)}
      ) as each
      where ${sql.lit(!isEverythingScanned)} and (select count(*) from in_newest) < ${sql.lit(MAX_RANKED)}
      limit ${sql.lit(MAX_LOOKED_UP)}
    ),
    looked_up as materialized (${visibleOf(withWords(kind, sql`select key from in_index`))})
  `;
}

/** Whether there may be more matches, as an expression on `candidates`. */
export function isPartial(kind: TextKind, search: ResolvedSearch): RawBuilder<boolean> {
  const hasNoIndex = sql.lit(search.exact !== null && search.loose === null);
  const newest = sql`(select count(*) from (${newestTexts(kind, search)}) as every)`;
  return sql`(
    ${sql.lit(MAX_RANKED)} in ((select count(*) from in_newest), (select count(*) from looked_up))
    or (select count(*) from in_index) = ${sql.lit(MAX_LOOKED_UP)}
    or (${hasNoIndex} and ${newest} = ${sql.lit(MAX_SCANNED)})
  )`;
}

/**
 * Hides a query's value from the planner, which would otherwise read all texts for a common word instead of using the index.
 */
function opaque(query: string): RawBuilder<unknown> {
  return sql`(select ${query}::tsquery)`;
}

/** The ranges of keys with the texts of a time, newest first. */
function rangesOf(kind: TextKind, { firstKey, endKey }: ResolvedSearch): RawBuilder<unknown> {
  const { table, key } = wordsOf(kind);
  const bits = sql.lit(RANGE_BITS[kind]);
  const newest = sql`least(${endKey}::bigint - 1, (select max(${key}) from ${table}))`;
  const oldest = sql`greatest(${firstKey}::bigint, (select min(${key}) from ${table}))`;
  return sql`generate_series(${newest} >> ${bits}, ${oldest} >> ${bits}, -1)`;
}

/**
 * Selects the keys and words of the newest texts before a time, by an index on the most selective filter. There is no lower
 * bound, because between two bounds the planner expects few rows, and would sort them.
 */
function newestTexts(kind: TextKind, { author, tag, endKey }: ResolvedSearch): RawBuilder<unknown> {
  const { table, key } = wordsOf(kind);
  const newest = (from: RawBuilder<unknown>, column: RawBuilder<unknown>) =>
    sql`${from} and ${column} < ${endKey} order by ${column} desc limit ${sql.lit(MAX_SCANNED)}`;
  if (author !== undefined) {
    const { textKey } = wordsOf(kind);
    const own = sql`select ${textKey} as key from ${sql.table(kind)} where author_id = ${author.id}`;
    return withWords(kind, newest(own, textKey));
  }
  if (tag !== undefined && kind === 'posts') {
    const tagged = sql`select position as key from post_tags where tag = ${tag}`;
    return withWords(kind, newest(tagged, sql.ref('position')));
  }
  return newest(sql`select ${key} as key, words from ${table} where true`, key);
}

/** Looks the words of texts up one by one. With a plain join, the planner might read all words. */
function withWords(kind: TextKind, keys: RawBuilder<unknown>): RawBuilder<unknown> {
  const { table, key } = wordsOf(kind);
  return sql`
    select text.key, words from (${keys}) as text
    cross join lateral (select words from ${table} where ${key} = text.key limit 1) as each
  `;
}

/** Selects a row if the text `near.key` passes the filters and the reader may see it. */
function visible(
  kind: TextKind,
  { author, tag }: ResolvedSearch,
  readerId: number | undefined,
): RawBuilder<unknown> {
  const text = sql.table(kind);
  const isShown = kind === 'posts' ? IS_LISTED : sql`not comments.is_disabled`;
  const post = kind === 'posts' ? sql`` : sql`join posts on posts.id = post_id and ${IS_LISTED}`;
  const isTagged = sql`exists (select from post_tags where post_tags.tag = ${tag} and post_tags.position = posts.position)`;
  return sql`
    select from ${text} ${post} join users on users.id = ${text}.author_id
    where ${wordsOf(kind).textKey} = near.key and ${isShown} and ${IS_OPEN}
      and not ${isMutedBy(readerId, `${kind}.author_id`)}
      and ${author === undefined ? sql`true` : sql`${text}.author_id = ${author.id}`}
      and ${tag === undefined ? sql`true` : isTagged}
    limit 1
  `;
}
