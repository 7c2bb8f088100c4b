import { type SelectQueryBuilder, sql } from 'kysely';
import type { Db, Schema } from '../../database/schema.ts';
import { noSuch } from '../../errors.ts';
import { isMutedBy } from '../blocks/hide.ts';
import { isMarkedBy, likeCountOf } from '../likes/list.ts';
import { htmlInList } from '../markdown/html-in-list.ts';
import { type CountedPage, countRows, inSlice, type Page, type PageRequest, readPage } from '../page.ts';
import { inMonth, type Month } from './archive.ts';

/** The condition for posts that no moderator has hidden. */
export const IS_SHOWN = sql<boolean>`not posts.is_disabled`;

/** A post in a list. */
export interface ListedPost extends Post {
  /** Whether `bodyHtml` is truncated; see `htmlInList`. */
  readonly isCut: boolean;
}

/** A post on its own page. */
export interface Post {
  readonly id: number;
  readonly authorId: number;
  readonly authorUsername: string;
  readonly authorAvatarSeed: string;
  readonly authorPictureHash: string | null;
  readonly bodyHtml: string;
  readonly createdAt: Date;
  /** Null if it was never edited. */
  readonly editedAt: Date | null;
  readonly commentCount: number;
  /** Up to a hundred. */
  readonly likeCount: number;
  /** Whether a moderator has hidden it. No list has hidden posts. */
  readonly isDisabled: boolean;
}

/** A post on its own page, as a reader sees it. */
export interface ReadPost extends Post {
  /** Whether the reader likes it, and has it among their bookmarks. */
  readonly isLiked: boolean;
  readonly isBookmarked: boolean;
}

/** A post for the API, with its Markdown. */
export interface PostSource {
  readonly id: number;
  readonly authorId: number;
  readonly body: string;
  readonly bodyHtml: string;
  readonly version: number;
  readonly createdAt: Date;
  readonly commentCount: number;
  readonly likeCount: number;
}

/** The posts of one person, of one month, or all. */
export interface PostFilter {
  /** Leaves out posts by people whom this reader has muted or blocked. */
  readonly readerId?: number | undefined;
  readonly author?: { readonly id: number; readonly postCount: number };
  readonly month?: Month;
}

/** Reads one page of posts, newest first. */
export function listPosts(db: Db, filter: PostFilter, page: PageRequest): Promise<Page<ListedPost>> {
  return readPage(page, 'desc', (slice) =>
    selectListed(db, inSlice(postsOf(db, filter), 'posts', slice), slice.order)
      .select(isMutedBy(filter.readerId, 'post.authorId').as('isMuted'))
      .execute(),
  );
}

/** Lists the newest posts. */
export function listNewestPosts(db: Db, filter: PostFilter, limit: number): Promise<Post[]> {
  return selectPosts(db, postsOf(db, filter).orderBy('posts.id', 'desc').limit(sql.lit(limit))).execute();
}

/** Reads one page of posts for the API, newest first. */
export async function listPostSources(
  db: Db,
  filter: Pick<PostFilter, 'author' | 'readerId'>,
  page: PageRequest,
): Promise<CountedPage<PostSource>> {
  const total = filter.author?.postCount ?? (await countRows(db, 'posts', IS_SHOWN));
  const posts = await readPage(page, 'desc', (slice) =>
    selectSources(inSlice(postsOf(db, filter), 'posts', slice))
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

function postsOf(db: Db, { author, month }: PostFilter): PostsQuery {
  let posts: PostsQuery = shown(db.selectFrom('posts'));
  if (author !== undefined) posts = posts.where('posts.author_id', '=', author.id);
  if (month !== undefined) posts = inMonth(posts, month);
  return posts;
}

/** Selects posts with their authors. Truncates long ones. */
export function selectListed(db: Db, posts: PostsQuery, order: 'asc' | 'desc' = 'desc') {
  return withAuthors(db, posts.select(htmlInList('posts')), order).select(['post.bodyHtml', 'post.isCut']);
}

function selectPosts(db: Db, posts: PostsQuery) {
  return withAuthors(db, posts.select('posts.body_html as bodyHtml'), 'desc').select('post.bodyHtml');
}

/**
 * Selects the posts before joining their authors. Joined to a list of unknown length, the planner allocates memory for
 * all authors.
 */
function withAuthors<Columns>(
  db: Db,
  posts: SelectQueryBuilder<Schema, 'posts', Columns>,
  order: 'asc' | 'desc',
) {
  const found = posts
    .select(['posts.id', 'posts.author_id as authorId', 'posts.comment_count as commentCount'])
    .select(['posts.created_at as createdAt', 'posts.edited_at as editedAt'])
    .select('posts.is_disabled as isDisabled');
  return db
    .selectFrom(found.as('post'))
    .innerJoin('users', 'users.id', 'post.authorId')
    .select(['post.id', 'post.authorId', 'post.commentCount', 'post.createdAt', 'post.editedAt'])
    .select('post.isDisabled')
    .select(['users.username as authorUsername', 'users.avatar_seed as authorAvatarSeed'])
    .select(['users.picture_hash as authorPictureHash', likeCountOf('post.id').as('likeCount')])
    .orderBy('post.id', order);
}

/** The columns of a `PostSource`. */
export const SOURCE_COLUMNS = [
  ...(['posts.id', 'posts.author_id as authorId', 'posts.body', 'posts.body_html as bodyHtml'] as const),
  ...(['posts.version', 'posts.created_at as createdAt', 'posts.comment_count as commentCount'] as const),
  likeCountOf('posts.id').as('likeCount'),
] as const;

export function selectSources(posts: PostsQuery) {
  return posts.select(SOURCE_COLUMNS);
}
