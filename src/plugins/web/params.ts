import { DomainError } from '../../errors.ts';

/** The largest id there can be: PostgreSQL's `integer`. */
const MAX_ID = 2 ** 31 - 1;

/**
 * An id from a path.
 *
 * @throws DomainError `not-found` for anything that cannot be one
 */
export function idFrom(text: string): number {
  const id = /^\d{1,10}$/.test(text) ? Number(text) : 0;
  if (id < 1 || id > MAX_ID) throw new DomainError('not-found', 'There is no page at this address.');
  return id;
}

/** A page's number from a query: from 1, or -1 for the last page. What is no number at all means the first. */
export function pageFrom(query: unknown): number {
  const page = typeof query === 'object' && query !== null && 'page' in query ? query.page : undefined;
  if (page === '-1') return -1;
  return typeof page === 'string' && /^\d+$/.test(page) ? Math.min(Math.max(1, Number(page)), MAX_ID) : 1;
}
