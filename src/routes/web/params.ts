import { MAX_ID, type Place } from '../../domain/page.ts';
import { MAX_POSITION } from '../../domain/posts/position.ts';
import { readTag } from '../../domain/tags/name.ts';
import { DomainError, noSuch } from '../../errors.ts';

/** The parameters of routes, for Fastify's types. */

export interface WithId {
  Params: { id: string };
}

export interface WithTag {
  Params: { tag: string };
}

export interface WithToken {
  Params: { token: string };
}

export interface WithUsername {
  Params: { username: string };
}

export interface WithNext {
  /** `next` is the page to return to. */
  Querystring: { next?: unknown };
}

/**
 * Reads an id from a path.
 *
 * @throws DomainError `not-found` if it is invalid
 */
export function idFrom(text: string): number {
  const id = /^\d{1,10}$/.test(text) ? Number(text) : 0;
  if (id < 1 || id > MAX_ID) throw new DomainError('not-found', 'This page does not exist.');
  return id;
}

/**
 * Reads which page of a list a query asks for: `before` or `after` a cursor, or a number, where -1 is the last page.
 * Anything invalid means the first page.
 *
 * @param end the largest cursor: most are ids
 */
export function placeFrom(query: unknown, end = MAX_ID): Place {
  if (typeof query !== 'object' || query === null) return {};
  if ('before' in query && isCursor(query.before, end)) return { before: Number(query.before) };
  if ('after' in query && isCursor(query.after, end)) return { after: Number(query.after) };
  if (!('page' in query)) return {};
  const { page } = query;
  const isNumber = typeof page === 'string' && /^(\d+|-1)$/.test(page) && page !== '0' && page !== '1';
  return isNumber ? { number: Number(page) } : {};
}

/** Reads the place in a list of posts. */
export function placeOfPostsFrom(query: unknown): Place {
  return placeFrom(query, MAX_POSITION);
}

function isCursor(value: unknown, end: number): value is string {
  return typeof value === 'string' && /^\d{1,16}$/.test(value) && Number(value) <= end;
}

/**
 * Reads a tag from a path.
 *
 * @throws DomainError `not-found` if it cannot be one
 */
export function tagFrom(text: string): string {
  const tag = readTag(text);
  if (tag === undefined) throw noSuch('tag');
  return tag;
}

/** All of a request's query string, for a redirect to the canonical address of the same page. */
export function wholeQueryOf({ url }: { readonly url: string }): string {
  const start = url.indexOf('?');
  return start === -1 ? '' : url.slice(start);
}

/** The query string for a page; empty for the first. */
export function queryOf({ before, after, number }: Place): string {
  if (before !== undefined) return `?before=${before}`;
  if (after !== undefined) return `?after=${after}`;
  return number === undefined ? '' : `?page=${number}`;
}
