import type { SelectQueryBuilder } from 'kysely';
import { DomainError } from '../../errors.ts';
import type { Db, Schema } from '../../schema.ts';
import { type Page, type PageRequest, readPage, rowCount } from '../page.ts';

/** A comment as its post's page and the moderators' page show it. */
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

/** A comment as programs read it: with the Markdown it was written in. */
export interface CommentSource {
  readonly id: number;
  readonly postId: number;
  readonly authorId: number;
  readonly body: string;
  readonly bodyHtml: string;
  readonly isDisabled: boolean;
  readonly createdAt: Date;
}

/** One page of a post's comments, the oldest first. */
export function listComments(db: Db, postId: number, page: PageRequest): Promise<Page<Comment>> {
  return readPage(
    page,
    () => countComments(db, postId),
    (range) => selectComments(oldest(ofPost(db, postId), range)).execute(),
  );
}

/** The same page as programs read it. */
export function listCommentSources(db: Db, postId: number, page: PageRequest): Promise<Page<CommentSource>> {
  return readPage(
    page,
    () => countComments(db, postId),
    (range) => selectSources(oldest(ofPost(db, postId), range)).execute(),
  );
}

/** The newest comments of a post that may be read by everybody. */
export function listNewestComments(db: Db, postId: number, limit: number): Promise<Comment[]> {
  const readable = ofPost(db, postId).where('comments.is_disabled', '=', false);
  return selectComments(newest(readable, { limit, offset: 0 })).execute();
}

/** One page of all comments, the newest first: what moderators read. */
export function listAllComments(db: Db, page: PageRequest): Promise<Page<Comment>> {
  return readPage(
    page,
    () => countComments(db),
    (range) => selectComments(newest(db.selectFrom('comments'), range)).execute(),
  );
}

/** The same page as programs read it. */
export function listAllCommentSources(db: Db, page: PageRequest): Promise<Page<CommentSource>> {
  return readPage(
    page,
    () => countComments(db),
    (range) => selectSources(newest(db.selectFrom('comments'), range)).execute(),
  );
}

/** @throws DomainError `not-found` */
export async function findCommentSource(db: Db, id: number): Promise<CommentSource> {
  const query = db.selectFrom('comments').where('comments.id', '=', id);
  const comment = await selectSources(query).executeTakeFirst();
  if (comment === undefined) throw new DomainError('not-found', 'There is no such comment.');
  return comment;
}

type CommentsQuery = SelectQueryBuilder<Schema, 'comments', object>;
type Range = { limit: number; offset: number };

function ofPost(db: Db, postId: number): CommentsQuery {
  return db.selectFrom('comments').where('comments.post_id', '=', postId);
}

async function countComments(db: Db, postId?: number): Promise<number> {
  const comments = postId === undefined ? db.selectFrom('comments') : ofPost(db, postId);
  return (await comments.select(rowCount.as('count')).executeTakeFirstOrThrow()).count;
}

function oldest(query: CommentsQuery, { limit, offset }: Range): CommentsQuery {
  return query.orderBy('comments.id').limit(limit).offset(offset);
}

function newest(query: CommentsQuery, { limit, offset }: Range): CommentsQuery {
  return query.orderBy('comments.id', 'desc').limit(limit).offset(offset);
}

function selectComments(query: CommentsQuery) {
  return query
    .innerJoin('users', 'users.id', 'comments.author_id')
    .select(['comments.id', 'comments.post_id as postId', 'comments.author_id as authorId'])
    .select(['users.username as authorUsername', 'users.avatar_seed as authorAvatarSeed'])
    .select(['comments.body_html as bodyHtml', 'comments.is_disabled as isDisabled'])
    .select('comments.created_at as createdAt');
}

function selectSources(query: CommentsQuery) {
  return query
    .select(['comments.id', 'comments.post_id as postId', 'comments.author_id as authorId'])
    .select(['comments.body', 'comments.body_html as bodyHtml', 'comments.is_disabled as isDisabled'])
    .select('comments.created_at as createdAt');
}
