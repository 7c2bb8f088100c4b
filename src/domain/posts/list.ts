import type { SelectQueryBuilder } from 'kysely';
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
  readonly commentCount: number;
}

/** Which posts a list is of: everybody's, one author's, or those of the people somebody follows. */
export type PostFilter = { readonly authorId?: number; readonly followedBy?: number };

/** One page of posts, the newest first, in two queries whatever its length. */
export function listPosts(db: Db, filter: PostFilter, page: PageRequest): Promise<Page<Post>> {
  return readPage(
    page,
    async () => {
      const { count } = await filtered(db, filter).select(rowCount.as('count')).executeTakeFirstOrThrow();
      return count;
    },
    ({ limit, offset }) =>
      selectPosts(filtered(db, filter)).orderBy('posts.id', 'desc').limit(limit).offset(offset).execute(),
  );
}

/** One post, or undefined. */
export function findPost(db: Db, id: number): Promise<Post | undefined> {
  return selectPosts(db.selectFrom('posts').where('posts.id', '=', id)).executeTakeFirst();
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

function selectPosts(query: PostsQuery) {
  return query
    .innerJoin('users', 'users.id', 'posts.author_id')
    .select((post) => [
      'posts.id',
      'posts.author_id as authorId',
      'users.username as authorUsername',
      'users.avatar_seed as authorAvatarSeed',
      'posts.body_html as bodyHtml',
      'posts.created_at as createdAt',
      post
        .selectFrom('comments')
        .select(rowCount.as('count'))
        .whereRef('comments.post_id', '=', 'posts.id')
        .$asScalar()
        .as('commentCount'),
    ]);
}
