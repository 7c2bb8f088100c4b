import type { FastifyInstance } from 'fastify';
import { publishComment } from '../../src/domain/comments/write.ts';
import { publishPost } from '../../src/domain/posts/write.ts';
import type { TestUser } from './factories.ts';

/** Publishes posts by a user, `Post 1` and so on. Returns their ids in that order. */
export async function writePosts(
  { db, markdown }: FastifyInstance,
  { id }: Pick<TestUser, 'id'>,
  count = 1,
): Promise<number[]> {
  const ids: number[] = [];
  for (let number = 1; number <= count; number += 1)
    ids.push((await publishPost(db, id, await markdown.post(`Post ${number}`))).id);
  return ids;
}

/** Publishes comments on a post, `Comment 1` and so on. Returns their ids in that order. */
export async function writeComments(
  { db, queue, markdown }: FastifyInstance,
  { id }: Pick<TestUser, 'id'>,
  postId: number,
  count = 1,
): Promise<number[]> {
  for (let number = 1; number <= count; number += 1) {
    const comment = { postId, authorId: id, text: await markdown.comment(`Comment ${number}`) };
    await publishComment({ db, queue }, comment);
  }
  const comments = await db
    .selectFrom('comments')
    .select('id')
    .where('post_id', '=', postId)
    .orderBy('id')
    .execute();
  return comments.map((comment) => comment.id);
}

/** Publishes a reply. Returns its id. */
export async function writeReply(
  { db, queue, markdown }: FastifyInstance,
  { id: authorId }: Pick<TestUser, 'id'>,
  { postId, parentId, body = 'Reply' }: { postId: number; parentId: number; body?: string },
): Promise<number> {
  const text = await markdown.comment(body);
  return (await publishComment({ db, queue }, { postId, authorId, parentId, text })).id;
}
