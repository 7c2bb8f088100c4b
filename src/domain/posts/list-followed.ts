import { type RawBuilder, sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { type CountedPage, type Page, type PageRequest, readPage, type Slice } from '../page.ts';
import { type ListedPost, type PostSource, selectListed, selectSources } from './list.ts';

/** Whose posts are listed: those of the people whom this person follows, and their own. */
export interface Reader {
  readonly id: number;
  readonly followedCount: number;
}

/** One page of what somebody follows, the newest first. */
export function listFollowedPosts(db: Db, reader: Reader, page: PageRequest): Promise<Page<ListedPost>> {
  return readPage(page, 'desc', (slice) =>
    selectListed(db, followedPosts(db, reader, slice), slice.order).execute(),
  );
}

/** One page of the same posts as programs read them. */
export async function listFollowedSources(
  db: Db,
  reader: Reader,
  page: PageRequest,
): Promise<CountedPage<PostSource>> {
  const posts = await readPage(page, 'desc', (slice) =>
    selectSources(followedPosts(db, reader, slice)).execute(),
  );
  return { ...posts, total: await countFollowed(db, reader) };
}

async function countFollowed(db: Db, { id }: Reader): Promise<number> {
  const { rows } = await sql<{ total: number }>`
    select coalesce(sum(post_count), 0)::int as total from users where id in (${followedBy(id)})
  `.execute(db);
  return rows[0]?.total ?? 0;
}

/** Whom a reader follows, and the reader. */
function followedBy(readerId: number): RawBuilder<number> {
  return sql`select followed_id from follows where follower_id = ${readerId} union all select ${readerId}::int`;
}

/**
 * Who follows many finds a page among the newest posts at once; who follows few finds it faster by asking for the
 * newest posts of each. Which of them somebody is cannot be told beforehand, so the first is tried for about as long
 * as the second would take: together they cost at most twice the better one.
 */
function followedPosts(db: Db, reader: Reader, slice: Slice) {
  const { limit, order } = slice;
  const ids = sql<number>`(
    with found as materialized (${amongAll(reader, slice)})
    select id from found where (select count(*) from found) = ${limit}
    union all
    select id from (${ofEach(reader, slice)}) as each where (select count(*) from found) < ${limit}
  )`;
  return db.selectFrom('posts').where('posts.id', 'in', ids).orderBy('posts.id', order);
}

/**
 * Looks at posts one by one, whoever wrote them, until there are enough. The `limit 1` keeps the planner from reading
 * all that somebody follows first.
 */
function amongAll({ id, followedCount }: Reader, slice: Slice): RawBuilder<unknown> {
  const { limit, offset } = slice;
  const order = sql.raw(slice.order);
  const lookedThrough = Math.ceil(2 * (followedCount + 1) * (1 + offset / limit));
  return sql`
    select id from (
      select id, author_id from posts where ${isBetweenCursors(slice)}
      order by id ${order} limit ${lookedThrough}::bigint
    ) as near
    cross join lateral (
      select where author_id = ${id}
      union all
      select from follows where follower_id = ${id} and followed_id = author_id
      limit 1
    ) as is_followed
    order by id ${order} limit ${limit}::bigint offset ${offset}::bigint
  `;
}

/**
 * Asks for the nearest post of each, and then for all that is wanted only of those whose posts are nearest: nobody else
 * can have any of it.
 */
function ofEach({ id }: Reader, slice: Slice): RawBuilder<unknown> {
  const { limit, offset } = slice;
  const order = sql.raw(slice.order);
  const wanted = limit + offset;
  const near = sql`select id from posts where author_id = followed_id and ${isBetweenCursors(slice)} order by id ${order}`;
  return sql`
    select post.id
    from (
      select followed_id, (${near} limit 1) as nearest_id from (${followedBy(id)}) as followed
      order by nearest_id ${order} nulls last limit ${wanted}::bigint
    ) as author
    cross join lateral (${near} limit ${wanted}::bigint) as post
    order by post.id ${order} limit ${limit}::bigint offset ${offset}::bigint
  `;
}

function isBetweenCursors({ before, after }: Slice): RawBuilder<boolean> {
  const isBefore = before === undefined ? sql`true` : sql`id < ${before}`;
  return sql`${isBefore} and ${after === undefined ? sql`true` : sql`id > ${after}`}`;
}
