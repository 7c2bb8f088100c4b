import type { FastifyInstance } from 'fastify';
import { bookmark, removeBookmark } from '../../domain/bookmarks/bookmark.ts';
import { listBookmarks } from '../../domain/bookmarks/list.ts';
import { currentUser } from '../../plugins/web/session.ts';
import { requireUser } from '../guards.ts';
import { localPath } from './auth/local-path.ts';
import { paginate } from './pagination.ts';
import { idFrom, placeFrom, type WithId, type WithNext } from './params.ts';

/** Where people bookmark posts. Nobody is told, and silenced people can do it too. */
export default async function bookmarks(app: FastifyInstance): Promise<void> {
  const { db, config } = app;
  app.addHook('onRequest', requireUser);

  app.get('/bookmarks', async (request, reply) => {
    const place = placeFrom(request.query);
    const posts = await listBookmarks(db, currentUser(request).id, { ...place, size: config.postsPerPage });
    const pagination = paginate(posts, { path: '/bookmarks', place });
    return reply.page('posts/bookmarks', { title: 'Bookmarks', posts, pagination });
  });

  for (const [path, change] of [
    ['bookmark', bookmark],
    ['unbookmark', removeBookmark],
  ] as const) {
    app.post<WithId & WithNext>(`/${path}/:id`, { config: { limit: 'like' } }, async (request, reply) => {
      const postId = idFrom(request.params.id);
      await change(db, { userId: currentUser(request).id, postId });
      return reply.redirect(localPath(request.query.next) ?? `/post/${postId}`, 303);
    });
  }
}
