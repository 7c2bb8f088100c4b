import { type RawBuilder, sql } from 'kysely';
import type { Db } from '../../schema.ts';
import { type CountedPage, type Page, type PageRequest, placeOf } from '../page.ts';
import { type ListedPost, type PostSource, type PostsQuery, selectListed, selectSources } from './list.ts';

/** Whose posts are listed: those of the people whom this person follows, and their own. */
export interface Reader {
  readonly id: number;
  readonly followedCount: number;
}

/**
 * One page of what somebody follows, the newest first. The list is not counted: of the pages behind this one, only
 * whether there is one is known.
 */
export async function listFollowedPosts(
  db: Db,
  reader: Reader,
  { number, size }: PageRequest,
): Promise<Page<ListedPost>> {
  const withAuthors = (posts: PostsQuery) => selectListed(db, posts);
  if (number >= 1) {
    const posts = await readFollowed(db, reader, withAuthors, {
      limit: size + 1,
      offset: (number - 1) * size,
    });
    const count = posts.length > size ? number + 1 : number;
    if (posts.length > 0 || number === 1) return { items: posts.slice(0, size), number, count };
  }
  // Who asks for the last page, or one beyond it, pays for the counting.
  const { limit, offset, ...page } = placeOf({ number: -1, size }, await countFollowed(db, reader));
  return { ...page, items: await readFollowed(db, reader, withAuthors, { limit, offset }) };
}

/** One page of the same posts as programs read it, counted. */
export async function listFollowedSources(
  db: Db,
  reader: Reader,
  request: PageRequest,
): Promise<CountedPage<PostSource>> {
  const { limit, offset, ...page } = placeOf(request, await countFollowed(db, reader));
  return { ...page, items: await readFollowed(db, reader, selectSources, { limit, offset }) };
}

async function countFollowed(db: Db, { id }: Reader): Promise<number> {
  const { rows } = await sql<{ total: number }>`
    select coalesce(sum(post_count), 0)::int as total
    from follows join users on users.id = followed_id where follower_id = ${id}
  `.execute(db);
  return rows[0]?.total ?? 0;
}

interface Range {
  readonly limit: number;
  readonly offset: number;
}

/** Reads posts in one query, whichever way they are found. */
async function readFollowed<Item>(
  db: Db,
  reader: Reader,
  select: (posts: PostsQuery) => { execute(): Promise<Item[]> },
  range: Range,
): Promise<Item[]> {
  if (range.limit === 0) return [];
  const posts = db.selectFrom('posts').where('posts.id', 'in', followedIds(reader, range));
  return select(posts.orderBy('posts.id', 'desc')).execute();
}

/**
 * Who follows many finds a page among the newest posts at once; who follows few finds it faster by asking for the
 * newest posts of each. Which of them somebody is cannot be told beforehand, so the first is tried for about as long
 * as the second would take: together they cost at most twice the better one.
 */
function followedIds(reader: Reader, range: Range): RawBuilder<number> {
  return sql`(
    with found as materialized (${amongNewest(reader, range)})
    select id from found where (select count(*) from found) = ${range.limit}
    union all
    select id from (${ofEach(reader, range)}) as each where (select count(*) from found) < ${range.limit}
  )`;
}

/**
 * Looks at the newest posts one by one, whoever wrote them, until there are enough. The `limit 1` keeps the planner
 * from reading all that somebody follows first.
 */
function amongNewest({ id, followedCount }: Reader, { limit, offset }: Range): RawBuilder<unknown> {
  const lookedThrough = Math.ceil(2 * (followedCount + 1) * (1 + offset / limit));
  return sql`
    select id from (
      select id, author_id from posts order by id desc limit ${lookedThrough}::bigint
    ) as newest
    cross join lateral (
      select from follows where follower_id = ${id} and followed_id = author_id limit 1
    ) as is_followed
    order by id desc limit ${limit}::bigint offset ${offset}::bigint
  `;
}

/**
 * Asks for the newest post of each, and then for all that is wanted only of those who wrote last: nobody else can
 * have any of it.
 */
function ofEach({ id }: Reader, { limit, offset }: Range): RawBuilder<unknown> {
  const wanted = limit + offset;
  return sql`
    select post.id
    from (
      select followed_id, (select max(id) from posts where author_id = followed_id) as newest_id
      from follows where follower_id = ${id}
      order by newest_id desc nulls last limit ${wanted}::bigint
    ) as author
    cross join lateral (
      select id from posts where author_id = followed_id order by id desc limit ${wanted}::bigint
    ) as post
    order by post.id desc limit ${limit}::bigint offset ${offset}::bigint
  `;
}
