import type { FastifyInstance } from 'fastify';
import { Permission } from '../../domain/accounts/roles.ts';
import { listAllComments } from '../../domain/comments/list.ts';
import { setCommentDisabled } from '../../domain/comments/write.ts';
import { closeReports, listOpenReports, REPORTABLE } from '../../domain/moderation/report.ts';
import { setPostDisabled } from '../../domain/posts/write.ts';
import { sessionOf } from '../../plugins/web/session.ts';
import { requirePermission, requireUser } from '../guards.ts';
import { localPath } from './auth/local-path.ts';
import moderateApplications from './moderate-applications.ts';
import moderatePeople from './moderate-people.ts';
import { paginate } from './pagination.ts';
import { idFrom, placeFrom, queryOf, type WithId, type WithNext } from './params.ts';
import { whyFrom } from './why.ts';

/** Where moderators read all comments, and hide or show comments and posts. */
export default async function moderate(app: FastifyInstance): Promise<void> {
  const { db, config } = app;
  app.addHook('onRequest', requireUser);
  app.addHook('onRequest', requirePermission(Permission.MODERATE));

  app.register(moderateApplications);
  app.register(moderatePeople);

  app.get('/reports', async (_request, reply) => {
    const reports = await listOpenReports(db);
    return reply.page('moderate-reports', { title: 'Reports', reports });
  });

  for (const kind of REPORTABLE) {
    app.post<WithId & WithNext>(`/reports/${kind}/:id/close`, async (request, reply) => {
      await closeReports(db, { kind, id: idFrom(request.params.id) }, whyFrom(request));
      await sessionOf(request).flash('The reports have been closed.');
      return reply.redirect('/moderate/reports', 303);
    });
  }

  app.get('/', async (request, reply) => {
    const place = placeFrom(request.query);
    const comments = await listAllComments(db, { ...place, size: config.commentsPerPage });
    return reply.page('moderate', {
      title: 'Moderate comments',
      comments,
      back: queryOf(place),
      pagination: paginate(comments, { path: '/moderate', place }),
    });
  });

  for (const [verb, isDisabled] of [
    ['enable', false],
    ['disable', true],
  ] as const) {
    app.post<WithId & WithNext>(`/${verb}/:id`, async (request, reply) => {
      await setCommentDisabled(db, idFrom(request.params.id), isDisabled, whyFrom(request));
      const { query } = request;
      return reply.redirect(localPath(query.next) ?? `/moderate${queryOf(placeFrom(query))}`, 303);
    });
    app.post<WithId & WithNext>(`/${verb}/post/:id`, async (request, reply) => {
      const id = idFrom(request.params.id);
      await setPostDisabled(db, id, isDisabled, whyFrom(request));
      await sessionOf(request).flash(isDisabled ? 'The post is hidden.' : 'The post is shown again.');
      return reply.redirect(localPath(request.query.next) ?? `/post/${id}`, 303);
    });
  }
}
