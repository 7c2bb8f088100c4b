import type { FastifyInstance } from 'fastify';
import { findComment } from '../../domain/comments/list.ts';
import { deleteComment } from '../../domain/comments/write.ts';
import { currentUser, readDbFor, sessionOf } from '../../plugins/web/session.ts';
import { requireUser } from '../guards.ts';
import { idFrom } from './params.ts';

interface WithId {
  Params: { id: string };
}

export default async function comments(app: FastifyInstance): Promise<void> {
  const { db } = app;

  // Lists truncate long comments; here they are whole.
  app.get<WithId>('/comment/:id', { config: { isShared: true } }, async (request, reply) => {
    const comment = await findComment(readDbFor(request), idFrom(request.params.id));
    return reply.page('posts/comment', { title: `Comment by ${comment.authorUsername}`, comment });
  });

  app.post<WithId>('/comment/:id/delete', { onRequest: requireUser }, async (request, reply) => {
    const postId = await deleteComment(db, currentUser(request), idFrom(request.params.id));
    await sessionOf(request).flash('The comment has been deleted.');
    return reply.redirect(`/post/${postId}#comments`, 303);
  });
}
