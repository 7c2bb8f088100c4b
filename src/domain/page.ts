import { type RawBuilder, type SelectQueryBuilder, sql } from 'kysely';
import type { Db, Schema } from '../database/schema.ts';
import { DomainError } from '../errors.ts';

/** `count(*)` as a number: node-postgres returns a bigint as text. */
export const rowCount = sql<number>`count(*)::int`;

/** The largest id: PostgreSQL's `integer`. */
export const MAX_ID = 2 ** 31 - 1;

/** Pages by number are read by offset, so they are limited. Pages by cursor are not. */
export const LAST_NUMBERED_PAGE = 500;

/** Tables with more rows by estimate are not counted. Autovacuum keeps the estimate's error well below a third. */
const MAX_COUNTED = 15_000;

/** One page of a list, with the cursors of the adjacent pages. */
export interface Page<Item> {
  readonly items: readonly Item[];
  /** How many items of this page are left out, because the reader has muted or blocked their authors. */
  readonly muted: number;
  /** The next newer page has the items after this cursor; undefined if there are none. */
  readonly newer: number | undefined;
  /** The next older page has the items before this cursor; undefined if there are none. */
  readonly older: number | undefined;
}

/** A page of a list with its total, which may be an estimate. */
export interface CountedPage<Item> extends Page<Item> {
  /** Items on all pages. */
  readonly total: number;
}

/** Which page to read: by number or by cursor. The first by default. */
export interface Place {
  /** From 1 to `LAST_NUMBERED_PAGE`, or -1 for the last. */
  readonly number?: number | undefined;
  /** Cursors: the page has the next older or newer items. */
  readonly before?: number | undefined;
  readonly after?: number | undefined;
}

export interface PageRequest extends Place {
  readonly size: number;
}

/** A range of rows and the order in which to read them. */
export interface Slice {
  readonly order: 'asc' | 'desc';
  readonly limit: number;
  readonly offset: number;
  readonly before: number | undefined;
  readonly after: number | undefined;
}

/** A row of a list that is ordered by its id, or by another number. */
export interface Listed {
  readonly id: number;
  readonly cursor?: number;
  readonly isMuted?: boolean;
}

const placeOf = ({ id, cursor = id }: Listed) => cursor;

/**
 * Reads one page of a list. Reads one row more than fits, to see whether there is another page.
 *
 * @param order of the list: `desc` shows the newest first
 * @param readSlice returns rows in the slice's order, which is reversed if the page is read from its end. Rows with
 *   `isMuted` are counted but left out, so a page costs the same for every reader and has the same neighbours.
 * @throws DomainError `not-found` for a number beyond `LAST_NUMBERED_PAGE`
 */
export async function readPage<Item extends Listed>(
  { number = 1, size, before, after }: PageRequest,
  order: 'asc' | 'desc',
  readSlice: (slice: Slice) => Promise<Item[]>,
): Promise<Page<Item>> {
  if (number > LAST_NUMBERED_PAGE) {
    throw new DomainError('not-found', `Pages by number end at ${LAST_NUMBERED_PAGE}.`);
  }
  const isLast = number === -1;
  const isAscending = after !== undefined || (before === undefined && (order === 'asc') !== isLast);
  const offset = isLast ? 0 : (number - 1) * size;
  const rows = await readSlice({
    order: isAscending ? 'asc' : 'desc',
    limit: size + 1,
    offset,
    before,
    after,
  });
  const hasMore = rows.length > size;
  const isFirst = before === undefined && after === undefined && offset === 0;
  const ascending = isAscending ? rows.slice(0, size) : rows.slice(0, size).reverse();
  const items = ascending.filter(({ isMuted }) => !isMuted);
  const [oldest, newest] = [ascending[0], ascending.at(-1)].map((item) => item && placeOf(item));
  return {
    newer: (isAscending ? hasMore : !isFirst) ? newest : undefined,
    older: (isAscending ? !isFirst : hasMore) ? oldest : undefined,
    items: order === 'asc' ? items : items.toReversed(),
    muted: ascending.length - items.length,
  };
}

type ListedTable =
  | 'posts'
  | 'comments'
  | 'follows'
  | 'blocks'
  | 'notifications'
  | 'users'
  | 'post_tags'
  | 'likes'
  | 'bookmarks'
  | 'images';

/**
 * Restricts a query to a slice. The subquery skips the rows before an offset in the index alone.
 *
 * @param column that the list is ordered by
 */
export function inSlice<Table extends ListedTable>(
  query: SelectQueryBuilder<Schema, Table, object>,
  table: Table,
  { order, limit, offset, before, after }: Slice,
  column = table === 'posts' || table === 'post_tags' ? 'position' : 'id',
): SelectQueryBuilder<Schema, Table, object> {
  const key = sql.ref<number>(`${table}.${column}`);
  let found = query.orderBy(key, order);
  if (before !== undefined) found = found.where(key, '<', before);
  if (after !== undefined) found = found.where(key, '>', after);
  if (offset > 0) {
    const first = found.select(key.as('key')).limit(1).offset(offset);
    found = found.where(key, order === 'desc' ? '<=' : '>=', first);
  }
  return found.limit(sql.lit(limit));
}

/** Counts the rows of a table: exact up to 10,000, PostgreSQL's estimate beyond. */
export async function countRows(
  db: Db,
  table: 'posts' | 'comments',
  condition: RawBuilder<boolean> = sql`true`,
): Promise<number> {
  const largest = sql.lit(MAX_COUNTED);
  const { rows } = await sql<{ total: number }>`
    select case
      when reltuples > ${largest} then reltuples::int
      else (select count(*)::int from (select id from ${sql.table(table)} where ${condition} order by id limit ${largest}) as counted)
    end as total
    from pg_class where oid = ${sql.lit(table)}::regclass
  `.execute(db);
  return rows[0]?.total ?? 0;
}
