import { sql } from 'kysely';

/** `count(*)` as a JavaScript number: node-postgres gives PostgreSQL's own bigint as text. */
export const rowCount = sql<number>`count(*)::int`;

/** One page of a list, and where it stands among the others. */
export interface Page<Item> {
  readonly items: readonly Item[];
  /** From 1. */
  readonly number: number;
  /** At least 1: an empty list has one empty page. */
  readonly count: number;
  readonly total: number;
}

/** Which page is wanted, from 1, or -1 for the last. */
export interface PageRequest {
  readonly number: number;
  readonly size: number;
  /** What stands beyond the last page: that page again, as people want it, or nothing, as programs expect. */
  readonly beyond?: 'last' | 'nothing';
}

/** Reads one page: how many items there are first, so that a page beyond the end can be the last one. */
export async function readPage<Item>(
  { number, size, beyond = 'last' }: PageRequest,
  countItems: () => Promise<number>,
  readItems: (range: { limit: number; offset: number }) => Promise<Item[]>,
): Promise<Page<Item>> {
  const total = await countItems();
  const count = Math.max(1, Math.ceil(total / size));
  const highest = beyond === 'last' ? count : number;
  const actual = number === -1 ? count : Math.min(Math.max(1, number), highest);
  const isEmpty = total === 0 || actual > count;
  const items = isEmpty ? [] : await readItems({ limit: size, offset: (actual - 1) * size });
  return { items, number: actual, count, total };
}
