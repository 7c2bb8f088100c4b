import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { candidates, isPartial, type Texts, wordsOf } from './candidates.ts';
import { excerptAround, MARKS, type Part } from './highlight.ts';
import type { ResolvedSearch } from './resolve.ts';

/** A post or comment that was found. */
export interface FoundText {
  readonly id: number;
  /** The post, or the one that the comment is on, with its title. */
  readonly postId: number;
  readonly title: string | null;
  readonly authorUsername: string;
  readonly authorAvatarSeed: string;
  readonly authorPictureHash: string | null;
  readonly createdAt: Date;
  readonly excerpt: readonly Part[];
}

/** One page of results, best first. */
export interface FoundPage<Item> {
  readonly items: readonly Item[];
  /** Items on all pages. */
  readonly total: number;
  /** Whether there may be more. If so, they are older. */
  readonly isPartial: boolean;
}

/** Which page to read, from 1. */
export interface PageOfFound {
  readonly number: number;
  readonly size: number;
}

/** Characters of a text's HTML in which to look for an excerpt. */
const EXCERPT_HTML_LENGTH = 10_000;

const HEADLINE = sql.lit(`HighlightAll=true,StartSel=${MARKS.start},StopSel=${MARKS.end}`);

/**
 * Finds posts or comments. Leaves out hidden texts, unlisted posts, comments on both, and texts by people who are
 * suspended, about to be erased, or muted or blocked by the reader.
 */
export async function findTexts(
  db: Db,
  texts: Texts,
  search: ResolvedSearch,
  { number, size }: PageOfFound,
): Promise<FoundPage<FoundText>> {
  const isPost = texts.kind === 'posts';
  const text = sql.table(texts.kind);
  const words = wordsOf(texts.kind);
  const post = isPost ? sql`` : sql`join posts on posts.id = post_id`;
  const { rows } = await sql<Row>`
    with ${candidates(texts, search)},
    ranked as (
      select key, ts_rank(words, (select ${search.exact}::tsquery), 1) as rank
      from (select key from in_newest union select key from looked_up) as candidate
      cross join lateral (select words from ${words.table} where ${words.key} = candidate.key limit 1) as each
    ),
    page as (
      select key, row_number() over (order by rank desc nulls last, key desc) as place from ranked
      order by place limit ${size}::bigint offset ${(number - 1) * size}::bigint
    )
    select (select count(*)::int from ranked) as total, ${isPartial(texts.kind, search)} as "isPartial", found.*
    from (select) as always left join lateral (
      select
        ${text}.id, place, posts.id as "postId", title, username as "authorUsername", avatar_seed as "authorAvatarSeed",
        picture_hash as "authorPictureHash", ${text}.created_at as "createdAt", plain,
        ts_headline(search_config(), without_accents(plain), ${search.exact ?? ''}::tsquery, ${HEADLINE}) as marked
      from page
      join ${text} on ${words.textKey} = page.key ${post}
      join users on users.id = ${text}.author_id
      cross join lateral (select plain_text(left(${text}.body_html, ${sql.lit(EXCERPT_HTML_LENGTH)})) as plain offset 0) as each
    ) as found on true
    order by place
  `.execute(db);
  const [first = { total: 0, isPartial: false }] = rows;
  const items = rows.flatMap(({ id, plain, marked, ...row }) => {
    const { place: _place, total: _total, isPartial: _partial, ...item } = row;
    return id === null ? [] : [{ id, ...item, excerpt: excerptAround(plain, marked) }];
  });
  return { items, total: first.total, isPartial: first.isPartial };
}

interface Row extends Omit<FoundText, 'id' | 'excerpt'> {
  /** Null in the only row if nothing was found. */
  readonly id: number | null;
  readonly place: string;
  readonly plain: string;
  readonly marked: string;
  readonly total: number;
  readonly isPartial: boolean;
}
