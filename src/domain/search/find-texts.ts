import { type RawBuilder, sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { IS_OPEN } from '../accounts/standing.ts';
import { isMutedBy } from '../blocks/hide.ts';
import { excerptAround, MARKS, type Part } from './highlight.ts';
import type { ResolvedSearch, TextKind } from './resolve.ts';

/** A post or comment that was found. */
export interface FoundText {
  readonly id: number;
  /** The post, or the one that the comment is on. */
  readonly postId: number;
  readonly authorId: number;
  readonly authorUsername: string;
  readonly authorAvatarSeed: string;
  readonly authorPictureHash: string | null;
  readonly createdAt: Date;
  readonly excerpt: readonly Part[];
}

/** One page of what was found, the best first. */
export interface FoundPage<Item> {
  readonly items: readonly Item[];
  /** Items on all pages. */
  readonly total: number;
  /** Whether there may be more, all of them older. */
  readonly isPartial: boolean;
}

/** Which page to read, from 1. */
export interface PageOfFound {
  readonly number: number;
  readonly size: number;
}

/** The most texts that are ranked. */
export const MOST_RANKED = 100;

/** How many of the newest texts are read one by one. */
const SCANNED = 8_000;

/** How many of the newest matches in the index are read. */
const LOOKED_UP = 1_000;

/** Characters of a text's HTML in which to look for an excerpt. */
const EXCERPT_HTML = 40_000;

const HEADLINE = sql.lit(`HighlightAll=true,StartSel=${MARKS.start},StopSel=${MARKS.end}`);

interface Texts {
  readonly db: Db;
  readonly kind: TextKind;
  /** Whose muted and blocked people are left out; undefined for a visitor. */
  readonly readerId: number | undefined;
}

/**
 * Finds posts or comments. Leaves out what a moderator has hidden, comments on hidden posts, and texts by people who are
 * suspended, about to be erased, or muted or blocked by the reader.
 *
 * Ranking reads every match, and an ordinary word may have hundreds of thousands. So only the newest `MOST_RANKED` are
 * ranked. Reading the newest texts finds them fast for common words; the index finds them fast for rare ones. Which is better
 * cannot be known in advance, so the index is only asked when the newest `SCANNED` texts have too few.
 */
export async function findTexts(
  { db, kind, readerId }: Texts,
  search: ResolvedSearch,
  { number, size }: PageOfFound,
): Promise<FoundPage<FoundText>> {
  const texts = sql.table(kind);
  const words = wordsOf(kind);
  const postId = sql.ref(kind === 'posts' ? 'posts.id' : 'comments.post_id');
  const { rows } = await sql<Row>`
    with ${candidates(kind, search, readerId)},
    ranked as (
      select id, ts_rank(words, (select ${search.exact}::tsquery), 1) as rank
      from (select id from scanned union select id from looked_up) as candidate
      cross join lateral (select words from ${words.table} where ${words.id} = candidate.id limit 1) as each
    ),
    page as (
      select id, row_number() over (order by rank desc nulls last, id desc) as place from ranked
      order by rank desc nulls last, id desc limit ${size}::bigint offset ${(number - 1) * size}::bigint
    )
    select
      (select count(*)::int from ranked) as total,
      (select count(*) from scanned) = ${sql.lit(MOST_RANKED)} or (select count(*) from looked_up) = ${sql.lit(MOST_RANKED)}
        or (select count(*) from in_index) = ${sql.lit(LOOKED_UP)} as "isPartial",
      found.*
    from (select) as always left join lateral (
      select
        page.id, place, ${postId} as "postId", author_id as "authorId", username as "authorUsername",
        avatar_seed as "authorAvatarSeed", picture_hash as "authorPictureHash", ${texts}.created_at as "createdAt", text,
        ts_headline(search_config(), without_accents(text), ${search.exact ?? ''}::tsquery, ${HEADLINE}) as marked
      from page
      join ${texts} on ${texts}.id = page.id
      join users on users.id = author_id
      cross join lateral (select plain_text(left(body_html, ${sql.lit(EXCERPT_HTML)})) as text offset 0) as plain
    ) as found on true
    order by place
  `.execute(db);
  const [first = { total: 0, isPartial: false }] = rows;
  const items = rows.flatMap(
    ({ id, text, marked, place: _place, total: _total, isPartial: _isPartial, ...item }) =>
      id === null ? [] : [{ id, ...item, excerpt: excerptAround(text, marked) }],
  );
  return { items, total: first.total, isPartial: first.isPartial };
}

interface Row extends Omit<FoundText, 'id' | 'excerpt'> {
  /** Null in the only row if nothing was found. */
  readonly id: number | null;
  readonly place: string;
  readonly text: string;
  readonly marked: string;
  readonly total: number;
  readonly isPartial: boolean;
}

/** The table of the words of texts, and the column with their ids. */
function wordsOf(kind: TextKind) {
  return kind === 'posts'
    ? { table: sql.table('post_words'), id: sql.ref('post_id') }
    : { table: sql.table('comment_words'), id: sql.ref('comment_id') };
}

/**
 * The newest matches: `scanned` of the newest texts, and `looked_up` in the index. The query is a subselect, because the
 * planner cannot look into it: for the value of a common word, it would rather read all texts than use the index.
 */
function candidates(
  kind: TextKind,
  search: ResolvedSearch,
  readerId: number | undefined,
): RawBuilder<unknown> {
  const words = wordsOf(kind);
  const { exact, loose, author } = search;
  const isMatch = exact === null ? sql`true` : sql`words @@ (select ${exact}::tsquery)`;
  const isInTime = (id: RawBuilder<unknown>) => sql`${id} >= ${search.firstId} and ${id} < ${search.endId}`;
  const isVisible = sql`cross join lateral (${visible(kind, author?.id, readerId)}) as visible`;
  const newest =
    author === undefined
      ? sql`select ${words.id} as id from ${words.table} where ${isInTime(words.id)}`
      : sql`select id from ${sql.table(kind)} where author_id = ${author.id} and ${isInTime(sql.ref('id'))}`;
  const isAllScanned = loose === null || (author !== undefined && author.textCount < SCANNED);
  const most = sql.lit(MOST_RANKED);
  return sql`
    scanned as materialized (
      select near.id from (${newest} order by id desc limit ${sql.lit(SCANNED)}) as near
      cross join lateral (select words from ${words.table} where ${words.id} = near.id limit 1) as each
      ${isVisible} where ${isMatch}
      order by near.id desc limit ${most}
    ),
    in_index as materialized (
      select id from (
        select ${words.id} as id from ${words.table}
        where words @@ (select ${loose ?? ''}::tsquery) and ${isInTime(words.id)} offset 0
      ) as every
      where ${sql.lit(!isAllScanned)} and (select count(*) from scanned) < ${most}
      order by id desc limit ${sql.lit(LOOKED_UP)}
    ),
    looked_up as materialized (
      select near.id from in_index as near
      cross join lateral (select words from ${words.table} where ${words.id} = near.id limit 1) as each
      ${isVisible} where ${isMatch}
      order by near.id desc limit ${most}
    )
  `;
}

/** Selects a row if the reader may find the text `near.id`. */
function visible(
  kind: TextKind,
  authorId: number | undefined,
  readerId: number | undefined,
): RawBuilder<unknown> {
  const post = kind === 'posts' ? sql`` : sql`join posts on posts.id = post_id and not posts.is_disabled`;
  const texts = sql.table(kind);
  return sql`
    select from ${texts} ${post} join users on users.id = ${texts}.author_id
    where ${texts}.id = near.id and not ${texts}.is_disabled and ${IS_OPEN}
      and not ${isMutedBy(readerId, `${kind}.author_id`)}
      and ${authorId === undefined ? sql`true` : sql`${texts}.author_id = ${authorId}`}
    limit 1
  `;
}
