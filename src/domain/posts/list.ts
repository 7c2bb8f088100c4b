import { type SelectQueryBuilder, sql } from 'kysely';
import type { Db, Schema } from '../../database/schema.ts';
import { noSuch } from '../../errors.ts';
import { isMutedBy } from '../blocks/hide.ts';
import { isMarkedBy, likeCountOf } from '../likes/list.ts';
import {
  type CountedPage,
  inSlice,
  type Listed,
  type Page,
  type PageRequest,
  readPage,
  type Slice,
} from '../page.ts';
import { usernameOf } from '../people/username.ts';
import { inMonth } from './archive.ts';
import { countPosts } from './count.ts';
import type { PostFilter } from './filter.ts';
import { cursorOf } from './position.ts';
import { IS_LISTED, IS_SHOWN } from './visibility.ts';

/** A post in a list. */
export interface ListedPost
  extends Omit<Post, 'bodyHtml' | 'editedAt' | 'tags' | 'addedTags' | 'isDisabled' | 'isPinned'> {
  /** The excerpt of a long post, or all of a short one. */
  readonly html: string;
  readonly isExcerpt: boolean;
  /** Null if it has none. */
  readonly addedTags: readonly string[] | null;
}

/** A post on its own page. */
export interface Post {
  readonly id: number;
  readonly authorId: number;
  readonly authorUsername: string;
  readonly authorAvatarSeed: string;
  readonly authorPictureHash: string | null;
  /** Null if it has none. */
  readonly title: string | null;
  readonly bodyHtml: string;
  readonly createdAt: Date;
  /** Null if it was never edited. */
  readonly editedAt: Date | null;
  /** All tags, and those that are not in the text. */
  readonly tags: readonly string[];
  readonly addedTags: readonly string[];
  readonly commentCount: number;
  /** Up to a hundred. */
  readonly likeCount: number;
  /** Whether a moderator has hidden it. Lists leave out hidden posts. */
  readonly isDisabled: boolean;
  /** Whether only its author's lists include it. */
  readonly isUnlisted: boolean;
  /** Whether it is at the top of its author's profile. */
  readonly isPinned: boolean;
}

/** A post on its own page, as a reader sees it. */
export interface ReadPost extends Post {
  /** Whether the reader likes it, and has bookmarked it. */
  readonly isLiked: boolean;
  readonly isBookmarked: boolean;
}

/** A post for the API, with its Markdown. */
export interface PostSource {
  readonly id: number;
  readonly authorId: number;
  readonly authorUsername: string;
  readonly title: string | null;
  readonly body: string;
  readonly bodyHtml: string;
  readonly tags: readonly string[];
  readonly isUnlisted: boolean;
  readonly version: number;
  readonly createdAt: Date;
  /** Null if it was never edited. */
  readonly editedAt: Date | null;
  readonly commentCount: number;
  readonly likeCount: number;
}

/** Reads one page of posts, newest first. */
export function listPosts(db: Db, filter: PostFilter, page: PageRequest): Promise<Page<ListedPost>> {
  return readPage(page, 'desc', (slice) =>
    readListed(db, postsIn(db, filter, slice), filter.readerId, slice.order),
  );
}

/** Lists the newest posts. */
export function listNewestPosts(db: Db, filter: PostFilter, limit: number): Promise<Post[]> {
  const newest = { order: 'desc', limit, offset: 0, before: undefined, after: undefined } as const;
  return selectPosts(db, postsIn(db, filter, newest)).execute();
}

/** Finds a post as lists show it. Undefined if there is none, or it is hidden or unlisted. */
export async function findListedPost(db: Db, id: number): Promise<ListedPost | undefined> {
  const [post] = await readListed(db, postOf(db, id).where(IS_LISTED));
  return post;
}

/** Reads one page of posts for the API, newest first. */
export async function listPostSources(
  db: Db,
  filter: Pick<PostFilter, 'author' | 'hasUnlisted' | 'readerId' | 'tag'>,
  page: PageRequest,
): Promise<CountedPage<PostSource>> {
  const total = await countPosts(db, filter);
  const posts = await readPage(page, 'desc', (slice) =>
    selectSources(postsIn(db, filter, slice))
      .select(isMutedBy(filter.readerId, 'posts.author_id').as('isMuted'))
      .execute(),
  );
  return { ...posts, total };
}

/**
 * @param readerId undefined for a visitor
 * @throws DomainError `not-found`
 */
export function findPost(db: Db, id: number, readerId?: number): Promise<ReadPost> {
  return selectPosts(db, postOf(db, id))
    .select(isMarkedBy(readerId, 'likes', 'post.id').as('isLiked'))
    .select(isMarkedBy(readerId, 'bookmarks', 'post.id').as('isBookmarked'))
    .executeTakeFirstOrThrow(noSuchPost);
}

/**
 * @param seesDisabled whether to find hidden posts too
 * @throws DomainError `not-found`
 */
export function findPostSource(db: Db, id: number, seesDisabled: boolean): Promise<PostSource> {
  return selectSources(postOf(db, id).$if(!seesDisabled, shown)).executeTakeFirstOrThrow(noSuchPost);
}

/** @throws DomainError `not-found` */
export function requirePost(db: Db, id: number): Promise<{ commentCount: number }> {
  return postOf(db, id).select('comment_count as commentCount').executeTakeFirstOrThrow(noSuchPost);
}

const noSuchPost = () => noSuch('post');

function postOf(db: Db, id: number): PostsQuery {
  return db.selectFrom('posts').where('posts.id', '=', id);
}

/** Leaves out posts that a moderator has hidden. */
function shown(posts: PostsQuery): PostsQuery {
  return posts.where(IS_SHOWN);
}

export type PostsQuery = SelectQueryBuilder<Schema, 'posts', object>;

/** The posts of a slice, in its order. */
function postsIn(db: Db, { tag, ...filter }: PostFilter, slice: Slice): PostsQuery {
  if (tag === undefined) return inSlice(postsOf(db, filter), 'posts', slice);
  // First the positions, in the order of their index: joined, the planner might search all posts for a rare tag.
  const tagged = inSlice(db.selectFrom('post_tags').where('tag', '=', tag), 'post_tags', slice);
  return db
    .selectFrom('posts')
    .where(IS_LISTED)
    .where('posts.position', 'in', tagged.select('post_tags.position'))
    .orderBy('posts.position', slice.order);
}

function postsOf(db: Db, { author, hasUnlisted, month, exceptId }: PostFilter): PostsQuery {
  let posts: PostsQuery = db.selectFrom('posts').where(hasUnlisted ? IS_SHOWN : IS_LISTED);
  if (exceptId != null) posts = posts.where('posts.id', '<>', exceptId);
  if (author !== undefined) posts = posts.where('posts.author_id', '=', author.id);
  if (month !== undefined) posts = inMonth(posts, month);
  return posts;
}

/** The columns of a post that all lists and its own page show. */
const COLUMNS = [
  ...(['posts.id', 'posts.position', 'posts.author_id', 'posts.title', 'posts.created_at'] as const),
  ...(['posts.is_unlisted', 'posts.added_tags', 'posts.comment_count', 'posts.body_html'] as const),
] as const;

/**
 * Reads posts with their authors as lists show them. Does not read the text of posts that have an excerpt. Written in SQL,
 * because every page with posts runs it, and the query builder took a twentieth of the page's time.
 *
 * Selects the posts before it joins their authors: for a join with a list of unknown length, the planner allocates memory
 * for all authors.
 *
 * @param readerId sets `isMuted` on posts by people this reader has muted or blocked; undefined for a visitor
 */
export async function readListed(
  db: Db,
  posts: PostsQuery,
  readerId?: number,
  order: 'asc' | 'desc' = 'desc',
): Promise<(ListedPost & Listed)[]> {
  const { rows } = await sql<ListedPost & Listed>`
    select
      post.id, post.author_id as "authorId", users.username as "authorUsername",
      users.avatar_seed as "authorAvatarSeed", users.picture_hash as "authorPictureHash", post.title,
      coalesce(post.excerpt_html, post.body_html) as html, post.excerpt_html is not null as "isExcerpt",
      post.created_at as "createdAt", post.is_unlisted as "isUnlisted",
      nullif(post.added_tags, '{}') as "addedTags", post.comment_count as "commentCount",
      ${likeCountOf('post.id')} as "likeCount", ${isMutedBy(readerId, 'post.author_id')} as "isMuted",
      post.position::float8 as cursor
    from (${posts.select(COLUMNS).select('posts.excerpt_html')}) as post
    join users on users.id = post.author_id
    order by post.position ${sql.raw(order)}
  `.execute(db);
  return rows;
}

/** Selects posts with their authors, in the same order. */
function selectPosts(db: Db, posts: PostsQuery) {
  const found = posts.select(COLUMNS).select(['posts.tags', 'posts.edited_at', 'posts.is_disabled']);
  return db
    .selectFrom(found.as('post'))
    .innerJoin('users', 'users.id', 'post.author_id')
    .select(['post.id', 'post.author_id as authorId', 'users.username as authorUsername'])
    .select(['users.avatar_seed as authorAvatarSeed', 'users.picture_hash as authorPictureHash'])
    .select(['post.title', 'post.body_html as bodyHtml', 'post.created_at as createdAt'])
    .select(['post.edited_at as editedAt', 'post.tags', 'post.added_tags as addedTags'])
    .select(['post.comment_count as commentCount', likeCountOf('post.id').as('likeCount')])
    .select(['post.is_disabled as isDisabled', 'post.is_unlisted as isUnlisted'])
    .select(sql<boolean>`users.pinned_post_id is not distinct from post.id`.as('isPinned'))
    .orderBy('post.position', 'desc');
}

/** The columns of a `PostSource`. */
export const SOURCE_COLUMNS = [
  ...(['posts.id', 'posts.author_id as authorId', 'posts.title'] as const),
  ...(['posts.body', 'posts.body_html as bodyHtml', 'posts.tags'] as const),
  ...(['posts.is_unlisted as isUnlisted', 'posts.version'] as const),
  ...(['posts.created_at as createdAt', 'posts.edited_at as editedAt'] as const),
  'posts.comment_count as commentCount',
  usernameOf('posts.author_id').as('authorUsername'),
  likeCountOf('posts.id').as('likeCount'),
  cursorOf('posts'),
] as const;

export function selectSources(posts: PostsQuery) {
  return posts.select(SOURCE_COLUMNS);
}
