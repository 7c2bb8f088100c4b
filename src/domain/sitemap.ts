import { sql } from 'kysely';
import type { Db } from '../database/schema.ts';

/** How many addresses one file has: a fifth of what sitemaps.org allows, because a file is written in one go. */
const SITEMAP_SIZE = 10_000;

/** What a sitemap's files are made of. */
export type SitemapKind = 'posts' | 'people';

/** How many files each kind fills: a file has those of a range of ids, so that its content hardly ever moves. */
export async function countSitemapFiles(db: Db): Promise<Record<SitemapKind, number>> {
  const { posts, people } = await db
    .selectNoFrom(({ selectFrom }) => [
      selectFrom('posts')
        .select(({ fn }) => fn.max('id').as('id'))
        .as('posts'),
      selectFrom('users')
        .select(({ fn }) => fn.max('id').as('id'))
        .as('people'),
    ])
    .executeTakeFirstOrThrow();
  return { posts: filesFor(posts), people: filesFor(people) };
}

function filesFor(highestId: number | null): number {
  return Math.ceil((highestId ?? 0) / SITEMAP_SIZE);
}

/** A page that a search engine may show. */
export interface SitemapEntry {
  readonly path: string;
  readonly changedAt: Date | null;
}

/** What one file has. @param number from 1 */
export function listSitemapEntries(db: Db, kind: SitemapKind, number: number): Promise<SitemapEntry[]> {
  const last = number * SITEMAP_SIZE;
  const first = last - SITEMAP_SIZE;
  return kind === 'posts' ? listPostEntries(db, first, last) : listPeopleEntries(db, first, last);
}

function listPostEntries(db: Db, after: number, last: number): Promise<SitemapEntry[]> {
  return db
    .selectFrom('posts')
    .select(sql<string>`'/post/' || id`.as('path'))
    .select(({ fn }) => fn.coalesce('edited_at', 'created_at').as('changedAt'))
    .where('id', '>', after)
    .where('id', '<=', last)
    .orderBy('id')
    .execute();
}

function listPeopleEntries(db: Db, after: number, last: number): Promise<SitemapEntry[]> {
  return db
    .selectFrom('users')
    .select(sql<string>`'/user/' || username`.as('path'))
    .select(sql<Date | null>`null::timestamptz`.as('changedAt'))
    .where('id', '>', after)
    .where('id', '<=', last)
    .where('confirmed_at', 'is not', null)
    .orderBy('id')
    .execute();
}
