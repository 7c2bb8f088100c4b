import type { FastifyInstance } from 'fastify';
import { Permission } from '../../domain/accounts/roles.ts';
import { listAllComments } from '../../domain/comments/list.ts';
import { setCommentDisabled } from '../../domain/comments/write.ts';
import { requirePermission, requireUser } from '../guards.ts';
import { paginate } from './pagination.ts';
import { idFrom, placeFrom, queryOf } from './params.ts';

/** Where moderators read all comments and hide or show them. */
export default async function moderate(app: FastifyInstance): Promise<void> {
  const { db, config } = app;
  app.addHook('onRequest', requireUser);
  app.addHook('onRequest', requirePermission(Permission.MODERATE));

  app.get('/', async (request, reply) => {
    const place = placeFrom(request.query);
    const comments = await listAllComments(db, { ...place, size: config.commentsPerPage });
    return reply.page('moderate', {
      title: 'Moderate comments',
      comments,
      query: queryOf(place),
      pagination: paginate(comments, { path: '/moderate', place }),
    });
  });

  for (const [verb, isDisabled] of [
    ['enable', false],
    ['disable', true],
  ] as const) {
    app.post<{ Params: { id: string } }>(`/${verb}/:id`, async (request, reply) => {
      await setCommentDisabled(db, idFrom(request.params.id), isDisabled);
      return reply.redirect(`/moderate${queryOf(placeFrom(request.query))}`, 303);
    });
  }
}
