import { type RawBuilder, sql } from 'kysely';
import { IS_OPEN } from '../accounts/standing.ts';
import { isMutedBy } from '../blocks/hide.ts';
import { IS_LISTED } from '../posts/visibility.ts';
import { END_OF_IDS, type ResolvedSearch, type TextKind } from './resolve.ts';

/** The most texts that are ranked, unless the filters let more through that were found in both ways. */
export const MOST_RANKED = 100;

/** How many of the newest texts are read one by one. */
const SCANNED = 5_000;

/** Every text has a word for the range of ids that it is in: `~` and the id without these bits, as in the migration. */
const RANGE_BITS = 17;

/** How many of the newest matches in the index are read. */
const LOOKED_UP = 500;

/** What to search, and who searches. */
export interface Texts {
  readonly kind: TextKind;
  /** The person whose muted and blocked people are left out; undefined for a visitor. */
  readonly readerId: number | undefined;
}

/** The table of the words of texts, and the column with their ids. */
export function wordsOf(kind: TextKind) {
  return kind === 'posts'
    ? { table: sql.table('post_words'), id: sql.ref('post_id') }
    : { table: sql.table('comment_words'), id: sql.ref('comment_id') };
}

/**
 * Finds the newest matches, as the last two of three common table expressions: in the newest texts, and in the index.
 *
 * Ranking reads every match, and an ordinary word may have hundreds of thousands, so only the newest are ranked. Reading the
 * newest texts finds those of a common word fast; the index finds those of a rare word fast. Which is better cannot be known
 * in advance, so the index is asked if the newest texts have too few. It has no order, so it is asked for one range of ids
 * after another.
 */
export function candidates({ kind, readerId }: Texts, search: ResolvedSearch): RawBuilder<unknown> {
  const words = wordsOf(kind);
  const { exact, loose, author, firstId, endId } = search;
  const isMatch =
    exact === null ? sql`id >= ${firstId}` : sql`id >= ${firstId} and words @@ ${unknown(exact)}`;
  // Added to, so that no index on ids is used. Left out when it is always true, because the planner expects few rows of it,
  // and so much work that PostgreSQL might compile the query first.
  const isInTime =
    firstId === 0 && endId === END_OF_IDS
      ? sql`true`
      : sql`${words.id} + 0 >= ${firstId} and ${words.id} + 0 < ${endId}`;
  // In a subselect with an offset, so that whether a reader may see a text is only looked up for matches. It keeps the order
  // of the index, so that nothing is sorted and no more is read than needed.
  const visibleOf = (matches: RawBuilder<unknown>) => sql`
    select near.id from (select id from (${matches}) as every where ${isMatch} order by id desc offset 0) as near
    cross join lateral (${visible(kind, search, readerId)}) as visible
    order by near.id desc limit ${sql.lit(MOST_RANKED)}
  `;
  const isEverythingScanned = loose === null || (author !== undefined && author.textCount < SCANNED);
  return sql`
    in_newest as materialized (${visibleOf(newestTexts(kind, search))}),
    in_index as materialized (
      select each.id from ${rangesOf(kind, search)} as range
      cross join lateral (
        select ${words.id} as id from ${words.table}
        where words @@ (${unknown(loose ?? '')} && ('''~' || range || '''')::tsquery)
          and ${isInTime}
        order by id desc limit ${sql.lit(LOOKED_UP)}
      ) as each
      where ${sql.lit(!isEverythingScanned)} and (select count(*) from in_newest) < ${sql.lit(MOST_RANKED)}
      limit ${sql.lit(LOOKED_UP)}
    ),
    looked_up as materialized (${visibleOf(withWords(kind, sql`select id from in_index`))})
  `;
}

/** Whether there may be more matches, as an expression on `candidates`. */
export function isPartial(kind: TextKind, search: ResolvedSearch): RawBuilder<boolean> {
  const hasNoIndex = sql.lit(search.exact !== null && search.loose === null);
  const newest = sql`(select count(*) from (${newestTexts(kind, search)}) as every)`;
  return sql`(
    ${sql.lit(MOST_RANKED)} in ((select count(*) from in_newest), (select count(*) from looked_up))
    or (select count(*) from in_index) = ${sql.lit(LOOKED_UP)}
    or (${hasNoIndex} and ${newest} = ${sql.lit(SCANNED)})
  )`;
}

/**
 * A query that the planner cannot look into: for the value of a common word, it would rather read all texts than use the
 * index.
 */
function unknown(query: string): RawBuilder<unknown> {
  return sql`(select ${query}::tsquery)`;
}

/** The ranges of ids with the texts of a time, the newest first. */
function rangesOf(kind: TextKind, { firstId, endId }: ResolvedSearch): RawBuilder<unknown> {
  const { table, id } = wordsOf(kind);
  const newest = sql`least(${endId}::int - 1, (select max(${id}) from ${table}))`;
  return sql`generate_series(${newest} >> ${sql.lit(RANGE_BITS)}, ${firstId}::int >> ${sql.lit(RANGE_BITS)}, -1)`;
}

/**
 * Selects the ids and words of the newest texts before a time that an index on the most selective filter finds. It has no
 * lower bound, because the planner expects few rows between two, and would sort them.
 */
function newestTexts(kind: TextKind, { author, tag, endId }: ResolvedSearch): RawBuilder<unknown> {
  const { table, id } = wordsOf(kind);
  const newest = (from: RawBuilder<unknown>, key: RawBuilder<unknown>) =>
    sql`${from} and ${key} < ${endId} order by ${key} desc limit ${sql.lit(SCANNED)}`;
  if (author !== undefined) {
    const own = sql`select id from ${sql.table(kind)} where author_id = ${author.id}`;
    return withWords(kind, newest(own, sql.ref('id')));
  }
  if (tag !== undefined && kind === 'posts') {
    const tagged = sql`select post_id as id from post_tags where tag = ${tag}`;
    return withWords(kind, newest(tagged, sql.ref('post_id')));
  }
  return newest(sql`select ${id} as id, words from ${table} where true`, id);
}

/** Looks the words of texts up one by one. Joined, the planner might read all words. */
function withWords(kind: TextKind, ids: RawBuilder<unknown>): RawBuilder<unknown> {
  const { table, id } = wordsOf(kind);
  return sql`
    select text.id, words from (${ids}) as text
    cross join lateral (select words from ${table} where ${id} = text.id limit 1) as each
  `;
}

/** Selects a row if the filters let the text `near.id` through and the reader may find it. */
function visible(
  kind: TextKind,
  { author, tag }: ResolvedSearch,
  readerId: number | undefined,
): RawBuilder<unknown> {
  const text = sql.table(kind);
  const isShown = kind === 'posts' ? IS_LISTED : sql`not comments.is_disabled`;
  const post = kind === 'posts' ? sql`` : sql`join posts on posts.id = post_id and ${IS_LISTED}`;
  const isTagged = sql`exists (select from post_tags where post_tags.tag = ${tag} and post_tags.post_id = posts.id)`;
  return sql`
    select from ${text} ${post} join users on users.id = ${text}.author_id
    where ${text}.id = near.id and ${isShown} and ${IS_OPEN}
      and not ${isMutedBy(readerId, `${kind}.author_id`)}
      and ${author === undefined ? sql`true` : sql`${text}.author_id = ${author.id}`}
      and ${tag === undefined ? sql`true` : isTagged}
    limit 1
  `;
}
