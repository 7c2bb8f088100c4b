import { type RawBuilder, sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { isMutedBy } from '../blocks/hide.ts';
import { type CountedPage, type Page, type PageRequest, readPage, type Slice } from '../page.ts';
import { type ListedPost, type PostSource, readListed, selectSources } from './list.ts';
import { IS_LISTED } from './visibility.ts';

/**
 * The person whose Followed tab is read. It has their own posts, those of people they follow and have not muted, and those
 * with tags they follow.
 */
export interface Reader {
  readonly id: number;
  readonly followedCount: number;
}

/** Reads one page of a reader's Followed tab, newest first. */
export function listFollowedPosts(db: Db, reader: Reader, page: PageRequest): Promise<Page<ListedPost>> {
  return readPage(page, 'desc', (slice) =>
    readListed(db, followedPosts(db, reader, slice), reader.id, slice.order),
  );
}

/** Reads one page of the Followed tab for the API. The total leaves out posts that are there only for a tag. */
export async function listFollowedSources(
  db: Db,
  reader: Reader,
  page: PageRequest,
): Promise<CountedPage<PostSource>> {
  const posts = await readPage(page, 'desc', (slice) =>
    selectSources(followedPosts(db, reader, slice))
      .select(isMutedBy(reader.id, 'posts.author_id').as('isMuted'))
      .execute(),
  );
  return { ...posts, total: await countFollowed(db, reader) };
}

async function countFollowed(db: Db, { id }: Reader): Promise<number> {
  const { rows } = await sql<{ total: number }>`
    select coalesce(sum(post_count), 0)::int as total from users where id in (${followedBy(id)})
  `.execute(db);
  return rows[0]?.total ?? 0;
}

/** The ids of the people a reader follows and has not muted, and the reader's own. */
function followedBy(readerId: number): RawBuilder<number> {
  return sql`
    select followed_id from follows where follower_id = ${readerId} and not ${isMutedBy(readerId, 'followed_id')}
    union all
    select ${readerId}::int
  `;
}

/**
 * Scanning the newest posts is fast for readers who follow many active people; looking up each author's newest posts is
 * fast for readers who follow few. Which is faster is not known in advance, so this scans for about as long as the look-ups
 * would take. Together they cost at most twice the faster one. Tags are always looked up, because there are few.
 */
function followedPosts(db: Db, reader: Reader, slice: Slice) {
  const { limit, offset, order } = slice;
  const wanted = limit + offset;
  const positions = sql<string>`(
    with found as materialized (${byScanning(reader, slice)})
    select position from (
      select position from found where (select count(*) from found) = ${wanted}::bigint
      union all
      select position from (${byAuthor(reader, slice)}) as each where (select count(*) from found) < ${wanted}::bigint
      union
      select position from (${byTag(reader, slice)}) as each
    ) as any_way
    order by position ${sql.raw(order)} limit ${limit}::bigint offset ${offset}::bigint
  )`;
  return db.selectFrom('posts').where('posts.position', 'in', positions).orderBy('posts.position', order);
}

/**
 * Scans posts by anyone until enough are found. The `limit 1` keeps the planner from first reading everyone the reader
 * follows.
 */
function byScanning({ id, followedCount }: Reader, slice: Slice): RawBuilder<unknown> {
  const { limit, offset } = slice;
  const order = sql.raw(slice.order);
  const scanned = Math.ceil(2 * (followedCount + 1) * (1 + offset / limit));
  return sql`
    select position from (
      select position, author_id from posts where ${IS_LISTED} and ${isBetweenCursors(slice)}
      order by position ${order} limit ${scanned}::bigint
    ) as near
    cross join lateral (
      select where author_id = ${id}
      union all
      select from follows where follower_id = ${id} and followed_id = author_id
      limit 1
    ) as is_followed
    where not ${isMutedBy(id, 'author_id')}
    order by position ${order} limit ${limit + offset}::bigint
  `;
}

/**
 * Looks up the nearest post of each author, then reads a whole page only from the authors with the nearest posts, because
 * nobody else's posts can be on it.
 */
function byAuthor({ id }: Reader, slice: Slice): RawBuilder<unknown> {
  const order = sql.raw(slice.order);
  const wanted = slice.limit + slice.offset;
  const near = sql`select position from posts where author_id = followed_id and ${IS_LISTED} and ${isBetweenCursors(slice)} order by position ${order}`;
  return sql`
    select post.position
    from (
      select followed_id, (${near} limit 1) as nearest from (${followedBy(id)}) as followed
      order by nearest ${order} nulls last limit ${wanted}::bigint
    ) as author
    cross join lateral (${near} limit ${wanted}::bigint) as post
    order by post.position ${order} limit ${wanted}::bigint
  `;
}

/** Selects posts with the tags that the reader follows. Works like `byAuthor`. */
function byTag({ id }: Reader, slice: Slice): RawBuilder<unknown> {
  const order = sql.raw(slice.order);
  const wanted = slice.limit + slice.offset;
  const near = sql`
    select position from post_tags
    where post_tags.tag = followed.tag and ${isBetweenCursors(slice)} order by position ${order}
  `;
  return sql`
    select post.position
    from (
      select tag, (${near} limit 1) as nearest from tag_follows as followed where user_id = ${id}
      order by nearest ${order} nulls last limit ${wanted}::bigint
    ) as followed
    cross join lateral (${near} limit ${wanted}::bigint) as post
    order by post.position ${order} limit ${wanted}::bigint
  `;
}

function isBetweenCursors({ before, after }: Slice): RawBuilder<boolean> {
  const isBefore = before === undefined ? sql`true` : sql`position < ${before}`;
  return sql`${isBefore} and ${after === undefined ? sql`true` : sql`position > ${after}`}`;
}
