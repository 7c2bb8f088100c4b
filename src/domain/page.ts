import { sql } from 'kysely';
import type { CountedList, Db } from '../schema.ts';

/** `count(*)` as a JavaScript number: node-postgres gives PostgreSQL's own bigint as text. */
export const rowCount = sql<number>`count(*)::int`;

/** One page of a list, and where it stands among the others. */
export interface Page<Item> {
  readonly items: readonly Item[];
  /** From 1. */
  readonly number: number;
  /** How many pages are known to be there. At least 1: an empty list has one empty page. */
  readonly count: number;
}

/** A page of a list that is known to its end. */
export interface CountedPage<Item> extends Page<Item> {
  /** Items on all pages. */
  readonly total: number;
}

/** Which page is wanted, from 1, or -1 for the last. */
export interface PageRequest {
  readonly number: number;
  readonly size: number;
  /** What stands beyond the last page: that page again, as people want it, or nothing, as programs expect. */
  readonly beyond?: 'last' | 'nothing';
}

/** Which items of a list: so many, after so many, counted from its beginning or from its end. */
export interface Range {
  readonly limit: number;
  readonly offset: number;
  readonly isFromEnd: boolean;
}

/** The order in which to read a range of a list that shows the newest first: from its end, the other way round. */
export function newestFirst({ isFromEnd }: Range): 'asc' | 'desc' {
  return isFromEnd ? 'asc' : 'desc';
}

/** The same of a list that shows the oldest first. */
export function oldestFirst({ isFromEnd }: Range): 'asc' | 'desc' {
  return isFromEnd ? 'desc' : 'asc';
}

/** Where a page of a list of known length stands, and which items it has; none when `limit` is 0. */
export function placeOf({ number, size, beyond = 'last' }: PageRequest, total: number) {
  const count = Math.max(1, Math.ceil(total / size));
  const highest = beyond === 'last' ? count : number;
  const actual = number === -1 ? count : Math.min(Math.max(1, number), highest);
  const offset = (actual - 1) * size;
  return { number: actual, count, total, offset, limit: Math.max(0, Math.min(size, total - offset)) };
}

/**
 * Reads one page of a list whose length is known. A page near the end is read from there, so that the last costs no
 * more than the first.
 *
 * @param readItems answers in the order of the range: from its end, the list's last item first
 */
export async function readPage<Item>(
  request: PageRequest,
  total: number,
  readItems: (range: Range) => Promise<Item[]>,
): Promise<CountedPage<Item>> {
  const { offset, limit, ...page } = placeOf(request, total);
  if (limit === 0) return { ...page, items: [] };
  if (offset <= total / 2) return { ...page, items: await readItems({ limit, offset, isFromEnd: false }) };
  const items = await readItems({ limit, offset: total - offset - limit, isFromEnd: true });
  return { ...page, items: items.reverse() };
}

/** How many rows a table has that is counted. */
export async function countList(db: Db, list: CountedList): Promise<number> {
  const { rows } = await sql<{
    total: number;
  }>`select rows as total from list_totals where list = ${list}`.execute(db);
  return rows[0]?.total ?? 0;
}

/** Ids of one block of `id_blocks`, as a power of two. */
const BLOCK_BITS = 12;

/**
 * The id a range begins with, of a table that is counted in blocks and listed by id: found by adding up the blocks
 * before it, and then within one of them, however deep it is. As SQL for a condition; null when there is no such row.
 *
 * @param order of the ids in the direction of the range
 */
export function idAt(list: CountedList, order: 'asc' | 'desc', offset: number) {
  const table = sql.table(list);
  const direction = sql.raw(order);
  const isInBlock =
    order === 'desc'
      ? sql`id < (block + 1) << ${sql.lit(BLOCK_BITS)}`
      : sql`id >= block << ${sql.lit(BLOCK_BITS)}`;
  return sql<number>`(
    select first.id
    from (
      select block, rows, sum(rows) over (order by block ${direction}) - rows as before
      from id_blocks where list = ${sql.lit(list)}
    ) as blocks
    cross join lateral (
      select id from ${table} where ${isInBlock} order by id ${direction} limit 1 offset ${offset} - before
    ) as first
    where before <= ${offset} and before + rows > ${offset}
  )`;
}

/** The same among the rows of one owner, such as an author's posts: what lies before is passed over in their index. */
export function idAmong(
  list: CountedList,
  owner: { readonly column: 'author_id' | 'post_id'; readonly id: number },
  order: 'asc' | 'desc',
  offset: number,
) {
  return sql<number>`(
    select id from ${sql.table(list)} where ${sql.ref(owner.column)} = ${owner.id}
    order by id ${sql.raw(order)} limit 1 offset ${offset}
  )`;
}
