import type { SelectQueryBuilder } from 'kysely';
import type { Db, Schema } from '../../database/schema.ts';
import { noSuch } from '../../errors.ts';
import { type CountedPage, countRows, inSlice, type Page, type PageRequest, readPage } from '../page.ts';

/** A comment as pages show it. */
export interface Comment {
  readonly id: number;
  readonly postId: number;
  readonly authorId: number;
  readonly authorUsername: string;
  readonly authorAvatarSeed: string;
  readonly bodyHtml: string;
  readonly isDisabled: boolean;
  readonly createdAt: Date;
}

/** A comment for the API, with its Markdown. */
export interface CommentSource {
  readonly id: number;
  readonly postId: number;
  readonly authorId: number;
  readonly body: string;
  readonly bodyHtml: string;
  readonly isDisabled: boolean;
  readonly createdAt: Date;
}

/** The post whose comments are listed. */
interface CommentedPost {
  readonly id: number;
  readonly commentCount: number;
}

/** Reads one page of a post's comments, oldest first. */
export function listComments(db: Db, postId: number, page: PageRequest): Promise<Page<Comment>> {
  return readPage(page, 'asc', (slice) =>
    selectComments(db, inSlice(commentsOf(db, postId), 'comments', slice), slice.order).execute(),
  );
}

/** The same for the API. */
export async function listCommentSources(
  db: Db,
  post: CommentedPost,
  page: PageRequest,
): Promise<CountedPage<CommentSource>> {
  const comments = await readPage(page, 'asc', (slice) =>
    selectSources(inSlice(commentsOf(db, post.id), 'comments', slice)).execute(),
  );
  return { ...comments, total: post.commentCount };
}

/** Lists a post's newest comments, without hidden ones. */
export function listNewestComments(db: Db, postId: number, limit: number): Promise<Comment[]> {
  const newest = commentsOf(db, postId).where('comments.is_disabled', '=', false);
  return selectComments(db, newest.orderBy('comments.id', 'desc').limit(limit), 'desc').execute();
}

/** Reads one page of all comments, newest first, for moderators. */
export function listAllComments(db: Db, page: PageRequest): Promise<Page<Comment>> {
  return readPage(page, 'desc', (slice) =>
    selectComments(db, inSlice(db.selectFrom('comments'), 'comments', slice), slice.order).execute(),
  );
}

/** The same for the API. */
export async function listAllCommentSources(db: Db, page: PageRequest): Promise<CountedPage<CommentSource>> {
  const total = await countRows(db, 'comments');
  const comments = await readPage(page, 'desc', (slice) =>
    selectSources(inSlice(db.selectFrom('comments'), 'comments', slice)).execute(),
  );
  return { ...comments, total };
}

/** @throws DomainError `not-found` */
export async function findCommentSource(db: Db, id: number): Promise<CommentSource> {
  const query = db.selectFrom('comments').where('comments.id', '=', id);
  return selectSources(query).executeTakeFirstOrThrow(() => noSuch('comment'));
}

type CommentsQuery = SelectQueryBuilder<Schema, 'comments', object>;

function commentsOf(db: Db, postId: number): CommentsQuery {
  return db.selectFrom('comments').where('comments.post_id', '=', postId);
}

/** Joins the authors after the comments have been selected; see `withAuthors` of posts. */
function selectComments(db: Db, comments: CommentsQuery, order: 'asc' | 'desc') {
  const found = comments
    .select(['comments.id', 'comments.post_id as postId', 'comments.author_id as authorId'])
    .select(['comments.body_html as bodyHtml', 'comments.is_disabled as isDisabled'])
    .select('comments.created_at as createdAt');
  return db
    .selectFrom(found.as('comment'))
    .innerJoin('users', 'users.id', 'comment.authorId')
    .select(['comment.id', 'comment.postId', 'comment.authorId', 'comment.bodyHtml', 'comment.isDisabled'])
    .select([
      'users.username as authorUsername',
      'users.avatar_seed as authorAvatarSeed',
      'comment.createdAt',
    ])
    .orderBy('comment.id', order);
}

/** The columns of a `CommentSource`. */
export const SOURCE_COLUMNS = [
  ...(['comments.id', 'comments.post_id as postId', 'comments.author_id as authorId'] as const),
  ...(['comments.body', 'comments.body_html as bodyHtml', 'comments.is_disabled as isDisabled'] as const),
  'comments.created_at as createdAt',
] as const;

function selectSources(query: CommentsQuery) {
  return query.select(SOURCE_COLUMNS);
}
