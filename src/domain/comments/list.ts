import type { Db } from '../../schema.ts';
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

/** One page of a post's comments, the oldest first. */
export function listComments(db: Db, postId: number, page: PageRequest): Promise<Page<Comment>> {
  const ofPost = db.selectFrom('comments').where('comments.post_id', '=', postId);
  return readPage(
    page,
    async () => (await ofPost.select(rowCount.as('count')).executeTakeFirstOrThrow()).count,
    ({ limit, offset }) =>
      selectComments(db)
        .where('comments.post_id', '=', postId)
        .orderBy('comments.id')
        .limit(limit)
        .offset(offset)
        .execute(),
  );
}

/** One page of all comments, the newest first: what moderators read. */
export function listAllComments(db: Db, page: PageRequest): Promise<Page<Comment>> {
  return readPage(
    page,
    async () =>
      (await db.selectFrom('comments').select(rowCount.as('count')).executeTakeFirstOrThrow()).count,
    ({ limit, offset }) =>
      selectComments(db).orderBy('comments.id', 'desc').limit(limit).offset(offset).execute(),
  );
}

function selectComments(db: Db) {
  return db
    .selectFrom('comments')
    .innerJoin('users', 'users.id', 'comments.author_id')
    .select([
      'comments.id',
      'comments.post_id as postId',
      'comments.author_id as authorId',
      'users.username as authorUsername',
      'users.avatar_seed as authorAvatarSeed',
      'comments.body_html as bodyHtml',
      'comments.is_disabled as isDisabled',
      'comments.created_at as createdAt',
    ]);
}
