import { type SelectQueryBuilder, sql } from 'kysely';
import type { Db, Schema } from '../../database/schema.ts';
import { noSuch } from '../../errors.ts';
import { isMutedBy } from '../blocks/hide.ts';
import { htmlInList } from '../markdown/html-in-list.ts';
import { type CountedPage, countRows, inSlice, type Page, type PageRequest, readPage } from '../page.ts';
import { usernameOf } from '../people/username.ts';
import { IS_LISTED } from '../posts/visibility.ts';

/** A comment in a list. */
export interface ListedComment extends Comment {
  /** Whether `bodyHtml` is truncated; see `htmlInList`. */
  readonly isCut: boolean;
}

/** A comment on its own page. */
export interface Comment {
  readonly id: number;
  readonly postId: number;
  readonly authorId: number;
  readonly authorUsername: string;
  readonly authorAvatarSeed: string;
  readonly authorPictureHash: string | null;
  readonly bodyHtml: string;
  readonly isDisabled: boolean;
  readonly createdAt: Date;
  /** Null if it was never edited. */
  readonly editedAt: Date | null;
}

/** A comment for the API, with its Markdown. */
export interface CommentSource {
  readonly id: number;
  readonly postId: number;
  readonly authorId: number;
  readonly authorUsername: string;
  /** The comment that it replies to; null if it is not a reply, or if that was deleted. */
  readonly parentId: number | null;
  readonly body: string;
  readonly bodyHtml: string;
  readonly version: number;
  readonly isDisabled: boolean;
  readonly createdAt: Date;
  /** Null if it was never edited. */
  readonly editedAt: Date | null;
}

/** The post whose comments are listed. */
export interface CommentFilter {
  readonly postId: number;
  /** Leaves out comments by people this reader has muted or blocked. */
  readonly readerId?: number | undefined;
}

/** Reads one page of a post's comments for the API, oldest first, which lets programs continue after the last one they have. */
export async function listCommentSources(
  db: Db,
  { postId, readerId, commentCount }: CommentFilter & { readonly commentCount: number },
  page: PageRequest,
): Promise<CountedPage<CommentSource>> {
  const comments = await readPage(page, 'asc', (slice) =>
    selectSources(inSlice(commentsOf(db, postId), 'comments', slice))
      .select(isMutedBy(readerId, 'comments.author_id').as('isMuted'))
      .execute(),
  );
  return { ...comments, total: commentCount };
}

/** Lists a post's newest comments, without hidden ones. */
export function listNewestComments(db: Db, postId: number, limit: number): Promise<Comment[]> {
  const newest = commentsOf(db, postId).where('comments.is_disabled', '=', false);
  return selectComments(db, newest.orderBy('comments.id', 'desc').limit(limit)).execute();
}

/** Reads one page of all comments, newest first, for moderators. */
export function listAllComments(db: Db, page: PageRequest): Promise<Page<ListedComment>> {
  return readPage(page, 'desc', (slice) =>
    selectListed(db, inSlice(db.selectFrom('comments'), 'comments', slice), slice.order).execute(),
  );
}

/** Reads one page of all comments for the API. Leaves out those on hidden and unlisted posts, because everyone can read it. */
export async function listAllCommentSources(
  db: Db,
  { readerId }: Pick<CommentFilter, 'readerId'>,
  page: PageRequest,
): Promise<CountedPage<CommentSource>> {
  const total = await countRows(db, 'comments', JOINS_LISTED_POST);
  const comments = await readPage(page, 'desc', (slice) =>
    selectSources(inSlice(db.selectFrom('comments'), 'comments', slice))
      .select(
        sql<boolean>`(${isMutedBy(readerId, 'comments.author_id')} or not ${IS_ON_LISTED_POST})`.as(
          'isMuted',
        ),
      )
      .execute(),
  );
  return { ...comments, total };
}

const IS_ON_LISTED_POST = sql<boolean>`(select ${IS_LISTED} from posts where posts.id = comments.post_id)`;

/** The same condition as a semi-join: faster for thousands of comments, slower for one page. */
const JOINS_LISTED_POST = sql<boolean>`exists (
  select from posts where posts.id = comments.post_id and ${IS_LISTED}
)`;

/** @throws DomainError `not-found` */
export function findComment(db: Db, id: number): Promise<Comment> {
  return selectComments(db, commentOf(db, id)).executeTakeFirstOrThrow(noSuchComment);
}

/** @throws DomainError `not-found` */
export async function findCommentSource(db: Db, id: number): Promise<CommentSource> {
  return selectSources(commentOf(db, id)).executeTakeFirstOrThrow(noSuchComment);
}

export const noSuchComment = () => noSuch('comment');

export type CommentsQuery = SelectQueryBuilder<Schema, 'comments', object>;

function commentOf(db: Db, id: number): CommentsQuery {
  return db.selectFrom('comments').where('comments.id', '=', id);
}

export function commentsOf(db: Db, postId: number): CommentsQuery {
  return db.selectFrom('comments').where('comments.post_id', '=', postId);
}

function selectListed(db: Db, comments: CommentsQuery, order: 'asc' | 'desc') {
  const found = comments.select(htmlInList());
  return withAuthors(db, found, order).select(['comment.bodyHtml', 'comment.isCut']);
}

function selectComments(db: Db, comments: CommentsQuery) {
  const found = comments.select('comments.body_html as bodyHtml');
  return withAuthors(db, found, 'desc').select('comment.bodyHtml');
}

/** Joins the authors after the comments have been selected; see `readListed` of posts. */
function withAuthors<Columns>(
  db: Db,
  comments: SelectQueryBuilder<Schema, 'comments', Columns>,
  order: 'asc' | 'desc',
) {
  const found = comments
    .select(['comments.id', 'comments.post_id as postId', 'comments.author_id as authorId'])
    .select(['comments.is_disabled as isDisabled', 'comments.created_at as createdAt'])
    .select('comments.edited_at as editedAt');
  return db
    .selectFrom(found.as('comment'))
    .innerJoin('users', 'users.id', 'comment.authorId')
    .select(['comment.id', 'comment.postId', 'comment.authorId', 'comment.isDisabled'])
    .select([
      'users.username as authorUsername',
      'users.avatar_seed as authorAvatarSeed',
      'users.picture_hash as authorPictureHash',
      'comment.createdAt',
      'comment.editedAt',
    ])
    .orderBy('comment.id', order);
}

/** The author of the comment replied to; null if there is none or it was deleted. */
export const PARENT_AUTHOR = sql<number | null>`(
  select author_id from comments as parent where parent.id = comments.parent_id)`;

/** The columns of a `CommentSource`. */
export const SOURCE_COLUMNS = [
  ...(['comments.id', 'comments.post_id as postId', 'comments.author_id as authorId'] as const),
  ...(['comments.parent_id as parentId', 'comments.body', 'comments.body_html as bodyHtml'] as const),
  ...(['comments.version', 'comments.is_disabled as isDisabled'] as const),
  ...(['comments.created_at as createdAt', 'comments.edited_at as editedAt'] as const),
  usernameOf('comments.author_id').as('authorUsername'),
] as const;

function selectSources(query: CommentsQuery) {
  return query.select(SOURCE_COLUMNS);
}
