import type { Page, Place } from '../../domain/page.ts';
import { DomainError } from '../../errors.ts';
import { queryOf } from './params.ts';

/** The links to the adjacent pages of a list. */
export interface Pagination {
  readonly prev: Link | undefined;
  readonly next: Link | undefined;
}

interface Link {
  readonly text: string;
  readonly href: string;
}

/**
 * Builds the links under a list.
 *
 * @param path of the list, which may have a query
 * @param place of the requested page
 * @param order of the list: `desc` shows the newest first
 * @throws DomainError `not-found` if the page is empty; the first and last page of an empty list exist
 */
export function paginate(
  { items, muted, newer, older }: Page<unknown>,
  { path, place, order = 'desc' }: { path: string; place: Place; order?: 'asc' | 'desc' },
): Pagination {
  const isBeyond = items.length + muted === 0 && queryOf(place) !== '' && place.number !== -1;
  if (isBeyond) throw new DomainError('not-found', 'There is no page at this address.');
  const hrefOf = (to: Place) => path + queryOf(to).replace('?', path.includes('?') ? '&' : '?');
  const toNewer = newer === undefined ? undefined : { text: 'Newer', href: hrefOf({ after: newer }) };
  const toOlder = older === undefined ? undefined : { text: 'Older', href: hrefOf({ before: older }) };
  return order === 'desc' ? { prev: toNewer, next: toOlder } : { prev: toOlder, next: toNewer };
}
