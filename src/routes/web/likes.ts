import type { FastifyInstance } from 'fastify';
import { Permission } from '../../domain/accounts/roles.ts';
import { like, unlike } from '../../domain/likes/like.ts';
import { listLikers } from '../../domain/likes/list.ts';
import type { Mark } from '../../domain/likes/mark.ts';
import { findPostSource } from '../../domain/posts/list.ts';
import { currentUser, readDbFor, sessionOf } from '../../plugins/web/session.ts';
import { requirePermission, requireUser } from '../guards.ts';
import { localPath } from './auth/local-path.ts';
import { paginate } from './pagination.ts';
import { idFrom, placeFrom, type WithId, type WithNext } from './params.ts';

/** Where people like posts, and see who does. */
export default async function likes(app: FastifyInstance): Promise<void> {
  const { config } = app;

  app.get<WithId & WithNext>('/likes/:id', { config: { isShared: true } }, async (request, reply) => {
    const readDb = readDbFor(request);
    const { id: postId } = await findPostSource(readDb, idFrom(request.params.id), false);
    const place = placeFrom(request.query);
    const readerId = sessionOf(request).user?.id;
    const page = { ...place, size: config.followersPerPage };
    const people = await listLikers(readDb, { postId, readerId }, page);
    const pagination = paginate(people, { path: `/likes/${postId}`, place });
    return reply.page('posts/likes', { title: `Who likes post ${postId}`, postId, people, pagination });
  });

  const liking = {
    onRequest: [requireUser, requirePermission(Permission.COMMENT)],
    config: { limit: 'like' as const },
  };
  for (const [path, change] of [
    ['like', like],
    ['unlike', ({ db }, mark) => unlike(db, mark)],
  ] satisfies [string, (app: FastifyInstance, mark: Mark) => Promise<void>][]) {
    app.post<WithId & WithNext>(`/${path}/:id`, liking, async (request, reply) => {
      const postId = idFrom(request.params.id);
      await change(app, { userId: currentUser(request).id, postId });
      return reply.redirect(localPath(request.query.next) ?? `/post/${postId}`, 303);
    });
  }
}
