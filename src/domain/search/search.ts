import type { Db } from '../../database/schema.ts';
import type { PublicPerson } from '../people/directory.ts';
import { findPeople } from './find-people.ts';
import { type FoundPage, type FoundText, findTexts, type PageOfFound } from './find-texts.ts';
import { parseSearch } from './parse.ts';
import { resolveSearch, type TextKind } from './resolve.ts';

export const SEARCH_KINDS = ['posts', 'comments', 'people'] as const;

export type SearchKind = (typeof SEARCH_KINDS)[number];

/** No search has more pages. */
export const LAST_PAGE = 25;

/** The results of a search. */
export type Found =
  | { readonly kind: TextKind; readonly page: FoundPage<FoundText> }
  | { readonly kind: 'people'; readonly page: FoundPage<PublicPerson> };

/** The results, or an error message for the person who searched. */
export type SearchResult = Found | { readonly fault: string };

export interface SearchRequest {
  readonly text: string;
  readonly kind: SearchKind;
  /** Undefined for a visitor. */
  readonly readerId: number | undefined;
  readonly page: PageOfFound;
}

/**
 * Searches posts, comments or people for what a reader may find, in at most two statements. Filters only apply to posts and
 * comments.
 */
export async function search(db: Db, { text, kind, readerId, page }: SearchRequest): Promise<SearchResult> {
  const parsed = parseSearch(text);
  if ('fault' in parsed) return parsed;
  if (kind === 'people') return { kind, page: await findPeople(db, parsed.search.words, readerId, page) };
  const resolved = await resolveSearch(db, kind, parsed.search);
  if ('fault' in resolved) return resolved;
  return { kind, page: await findTexts(db, { kind, readerId }, resolved, page) };
}
