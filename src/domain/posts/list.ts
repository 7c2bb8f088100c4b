import type { ExpressionBuilder, SelectQueryBuilder } from 'kysely';
import { DomainError } from '../../errors.ts';
import type { Db, Schema } from '../../schema.ts';
import { type Page, type PageRequest, readPage, rowCount } from '../page.ts';

/** A post as lists and its own page show it. */
export interface Post {
  readonly id: number;
  readonly authorId: number;
  readonly authorUsername: string;
  readonly authorAvatarSeed: string;
  readonly bodyHtml: string;
  readonly createdAt: Date;
  /** Null when it was never changed. */
  readonly editedAt: Date | null;
  readonly commentCount: number;
}

/** A post as programs read it: with the Markdown it was written in. */
export interface PostSource {
  readonly id: number;
  readonly authorId: number;
  readonly body: string;
  readonly bodyHtml: string;
  readonly version: number;
  readonly createdAt: Date;
  readonly commentCount: number;
}

/** Which posts a list is of: everybody's, one author's, or those of the people somebody follows. */
export type PostFilter = { readonly authorId?: number; readonly followedBy?: number };

/** One page of posts, the newest first, in two queries whatever its length. */
export function listPosts(db: Db, filter: PostFilter, page: PageRequest): Promise<Page<Post>> {
  return readPage(
    page,
    () => countPosts(db, filter),
    (range) => selectPosts(newest(filtered(db, filter), range)).execute(),
  );
}

/** The newest posts, without counting the others. */
export function listNewestPosts(db: Db, filter: PostFilter, limit: number): Promise<Post[]> {
  return selectPosts(newest(filtered(db, filter), { limit, offset: 0 })).execute();
}

/** The same page as programs read it. */
export function listPostSources(db: Db, filter: PostFilter, page: PageRequest): Promise<Page<PostSource>> {
  return readPage(
    page,
    () => countPosts(db, filter),
    (range) => selectSources(newest(filtered(db, filter), range)).execute(),
  );
}

/** One post, or undefined. */
export function findPost(db: Db, id: number): Promise<Post | undefined> {
  return selectPosts(db.selectFrom('posts').where('posts.id', '=', id)).executeTakeFirst();
}

/** @throws DomainError `not-found` */
export async function findPostSource(db: Db, id: number): Promise<PostSource> {
  const post = await selectSources(db.selectFrom('posts').where('posts.id', '=', id)).executeTakeFirst();
  if (post === undefined) throw new DomainError('not-found', 'There is no such post.');
  return post;
}

/** Makes sure that there is such a post. @throws DomainError `not-found` */
export async function requirePost(db: Db, id: number): Promise<void> {
  const post = await db.selectFrom('posts').select('id').where('id', '=', id).executeTakeFirst();
  if (post === undefined) throw new DomainError('not-found', 'There is no such post.');
}

type PostsQuery = SelectQueryBuilder<Schema, 'posts', object>;

function filtered(db: Db, { authorId, followedBy }: PostFilter): PostsQuery {
  let query: PostsQuery = db.selectFrom('posts');
  if (authorId !== undefined) query = query.where('posts.author_id', '=', authorId);
  if (followedBy !== undefined) {
    query = query.where('posts.author_id', 'in', (followed) =>
      followed.selectFrom('follows').select('followed_id').where('follower_id', '=', followedBy),
    );
  }
  return query;
}

async function countPosts(db: Db, filter: PostFilter): Promise<number> {
  const { count } = await filtered(db, filter).select(rowCount.as('count')).executeTakeFirstOrThrow();
  return count;
}

function newest(query: PostsQuery, { limit, offset }: { limit: number; offset: number }): PostsQuery {
  return query.orderBy('posts.id', 'desc').limit(limit).offset(offset);
}

function selectPosts(query: PostsQuery) {
  return query
    .innerJoin('users', 'users.id', 'posts.author_id')
    .select(['posts.id', 'posts.author_id as authorId'])
    .select(['users.username as authorUsername', 'users.avatar_seed as authorAvatarSeed'])
    .select(['posts.body_html as bodyHtml', 'posts.created_at as createdAt'])
    .select(['posts.edited_at as editedAt', commentCount]);
}

function selectSources(query: PostsQuery) {
  return query
    .select(['posts.id', 'posts.author_id as authorId', 'posts.body', 'posts.body_html as bodyHtml'])
    .select(['posts.version', 'posts.created_at as createdAt', commentCount]);
}

function commentCount({ selectFrom }: ExpressionBuilder<Schema, 'posts'>) {
  return selectFrom('comments')
    .select(rowCount.as('count'))
    .whereRef('comments.post_id', '=', 'posts.id')
    .$asScalar()
    .$notNull()
    .as('commentCount');
}
