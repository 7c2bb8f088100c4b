import type { Page } from '../../domain/page.ts';

/** The links under a list: pages by number, with null where some are left out. */
export interface Pagination {
  readonly current: number;
  readonly last: number;
  readonly numbers: readonly (number | null)[];
  href(page: number): string;
}

/** How many numbers are shown on either side of the page the reader is on. */
const NEAR = 2;

/** Numbers near the reader, and the first and the last. */
export function paginate(
  { number, count }: Pick<Page<unknown>, 'number' | 'count'>,
  path: string,
): Pagination {
  const near = Array.from({ length: 2 * NEAR + 1 }, (_, index) => number - NEAR + index);
  const shown = [...new Set([1, ...near.filter((page) => page >= 1 && page <= count), count])];
  return {
    current: number,
    last: count,
    numbers: shown.flatMap((page, index) => (page - (shown[index - 1] ?? 0) > 1 ? [null, page] : [page])),
    href: (page) => (page === 1 ? path : `${path}?page=${page}`),
  };
}
