import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isTimeout } from '../../database/unavailable.ts';
import { MAX_SEARCH_LENGTH } from '../../domain/search/parse.ts';
import {
  LAST_PAGE,
  SEARCH_KINDS,
  type SearchKind,
  type SearchResult,
  search,
} from '../../domain/search/search.ts';
import { DomainError } from '../../errors.ts';
import { readDbFor, sessionOf } from '../../plugins/web/session.ts';
import { placeFrom } from './params.ts';

const PAGE_SIZE = 20;

const TOO_SLOW = 'This search took too long. Try rarer words, or fewer of them.';

/** The search page. robots.txt keeps search engines out, because a search is expensive and shows them nothing new. */
export default async function searchPage(app: FastifyInstance): Promise<void> {
  app.get('/search', { config: { limit: 'search' } }, (request, reply) => show(request, reply));
}

async function show(request: FastifyRequest, reply: FastifyReply) {
  const { text, kind, number } = readQuery(request.query);
  const asked = { text, kind, kinds: SEARCH_KINDS, longest: MAX_SEARCH_LENGTH };
  if (text === '') return reply.page('search', { title: 'Search', ...asked, form: formOf(text) });
  const readerId = sessionOf(request).user?.id;
  const result = await findInTime(
    search(readDbFor(request), { text, kind, readerId, page: { number, size: PAGE_SIZE } }),
  );
  if ('fault' in result) {
    return reply
      .code(result.fault === TOO_SLOW ? 503 : 422)
      .page('search', { title: 'Search', ...asked, form: formOf(text, result.fault) });
  }
  const { page } = result;
  if (page.items.length === 0 && number > 1)
    throw new DomainError('not-found', 'There is no page at this address.');
  const hrefOf = (to: number) => hrefFor(text, kind, to);
  return reply.page('search', {
    title: `Search: ${text}`,
    ...asked,
    form: formOf(text),
    result,
    pagination: {
      prev: number > 1 ? { text: 'Previous', href: hrefOf(number - 1) } : undefined,
      next: number * PAGE_SIZE < page.total ? { text: 'Next', href: hrefOf(number + 1) } : undefined,
    },
    hrefFor: (other: SearchKind) => hrefFor(text, other, 1),
  });
}

/** If the database stops a slow search, that is not an outage, and must not count as one. */
async function findInTime(searching: Promise<SearchResult>): Promise<SearchResult> {
  try {
    return await searching;
  } catch (error) {
    if (isTimeout(error)) return { fault: TOO_SLOW };
    throw error;
  }
}

/** Anything invalid means a search for posts, and the first page. */
function readQuery(query: unknown) {
  const { q, type } = Object(query);
  const number = Math.max(1, placeFrom(query).number ?? 1);
  if (number > LAST_PAGE) throw new DomainError('not-found', 'There is no page at this address.');
  const kind: SearchKind = SEARCH_KINDS.find((name) => name === type) ?? 'posts';
  return { text: typeof q === 'string' ? q.trim() : '', kind, number };
}

function hrefFor(text: string, kind: SearchKind, number: number): string {
  const fields = {
    q: text,
    ...(kind !== 'posts' && { type: kind }),
    ...(number > 1 && { page: String(number) }),
  };
  return `/search?${new URLSearchParams(fields)}`;
}

function formOf(text: string, fault?: string) {
  return { values: { q: text }, errors: fault === undefined ? {} : { q: fault } };
}
