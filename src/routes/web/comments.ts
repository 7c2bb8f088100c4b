import type { FastifyInstance } from 'fastify';
import { deleteComment } from '../../domain/comments/write.ts';
import { currentUser, sessionOf } from '../../plugins/web/session.ts';
import { requireUser } from '../guards.ts';
import { idFrom } from './params.ts';

export default async function comments(app: FastifyInstance): Promise<void> {
  const { db } = app;
  app.addHook('onRequest', requireUser);

  app.post<{ Params: { id: string } }>('/comment/:id/delete', async (request, reply) => {
    const postId = await deleteComment(db, currentUser(request), idFrom(request.params.id));
    await sessionOf(request).flash('The comment has been deleted.');
    return reply.redirect(`/post/${postId}#comments`, 303);
  });
}
