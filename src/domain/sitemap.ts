import { sql } from 'kysely';
import type { Db } from '../database/schema.ts';
import { pathOfPost } from './posts/path.ts';
import { IS_LISTED } from './posts/visibility.ts';

/** Addresses per file. sitemaps.org allows five times as many, but we render a whole file at once. */
const SITEMAP_SIZE = 10_000;

export type SitemapKind = 'posts' | 'people';

/** Counts the files of each kind. A file covers a range of ids, so entries do not move between files. */
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

/** A page for search engines. */
export interface SitemapEntry {
  readonly path: string;
  readonly changedAt: Date | null;
}

/** Lists the entries of one file. Files are numbered from 1. */
export function listSitemapEntries(db: Db, kind: SitemapKind, number: number): Promise<SitemapEntry[]> {
  const last = number * SITEMAP_SIZE;
  const first = last - SITEMAP_SIZE;
  return kind === 'posts' ? listPostEntries(db, first, last) : listPeopleEntries(db, first, last);
}

async function listPostEntries(db: Db, after: number, last: number): Promise<SitemapEntry[]> {
  const posts = await db
    .selectFrom('posts')
    .select(['id', 'title'])
    .select(({ fn }) => fn.coalesce('edited_at', 'created_at').as('changedAt'))
    .where('id', '>', after)
    .where('id', '<=', last)
    .where(IS_LISTED)
    .orderBy('id')
    .execute();
  return posts.map(({ changedAt, ...post }) => ({ path: pathOfPost(post), changedAt }));
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
