import { type RawBuilder, sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { isMutedBy } from '../blocks/hide.ts';
import { inSlice, type Page, type PageRequest, readPage } from '../page.ts';

/** Likes are counted up to this number, to limit the cost for every post. */
export const MAX_COUNTED = 100;

/**
 * How many people like a post, up to MAX_COUNTED.
 *
 * @param post the column of its id
 */
export function likeCountOf(post: string): RawBuilder<number> {
  return sql`(
    select count(*)::int
    from (select from likes where likes.post_id = ${sql.ref(post)} limit ${sql.lit(MAX_COUNTED)}) as counted
  )`;
}

/**
 * Whether a reader likes a post or has bookmarked it.
 *
 * @param readerId undefined for a visitor
 * @param post the column of its id
 */
export function isMarkedBy(
  readerId: number | undefined,
  table: 'likes' | 'bookmarks',
  post: string,
): RawBuilder<boolean> {
  if (readerId === undefined) return sql`false`;
  return sql`exists (select from ${sql.table(table)} where user_id = ${readerId} and post_id = ${sql.ref(post)})`;
}

/** A post that a person likes or has bookmarked. */
export interface MarkedPost {
  /** The id of the like or bookmark. */
  readonly id: number;
  readonly postId: number;
}

/** Reads one page of the posts that a person likes or has bookmarked, most recently marked first. */
export function listMarks(
  db: Db,
  table: 'likes' | 'bookmarks',
  userId: number,
  { before, size }: Pick<PageRequest, 'before' | 'size'>,
): Promise<MarkedPost[]> {
  return db
    .selectFrom(table)
    .select(['id', 'post_id as postId'])
    .where('user_id', '=', userId)
    .$if(before !== undefined, (marks) => marks.where('id', '<', before ?? 0))
    .orderBy('id', 'desc')
    .limit(size)
    .execute();
}

/** Somebody who likes a post. They may be suspended; see `Following`. */
export interface Liker {
  /** The id of the like. */
  readonly id: number;
  readonly personId: number;
  readonly username: string;
  readonly avatarSeed: string;
  readonly pictureHash: string | null;
}

/** Reads one page of the people who like a post, newest like first. Leaves out people the reader has muted. */
export function listLikers(
  db: Db,
  { postId, readerId }: { postId: number; readerId: number | undefined },
  page: PageRequest,
): Promise<Page<Liker>> {
  const likes = db.selectFrom('likes').where('likes.post_id', '=', postId);
  return readPage(page, 'desc', (slice) => {
    const found = inSlice(likes, 'likes', slice).select(['likes.id', 'likes.user_id as userId']).as('like');
    return db
      .selectFrom(found)
      .innerJoin('users', 'users.id', 'like.userId')
      .select(['like.id', 'like.userId as personId', 'users.username'])
      .select(['users.avatar_seed as avatarSeed', 'users.picture_hash as pictureHash'])
      .select(isMutedBy(readerId, 'like.userId').as('isMuted'))
      .orderBy('like.id', slice.order)
      .execute();
  });
}
