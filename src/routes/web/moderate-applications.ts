import type { FastifyInstance } from 'fastify';
import { approveApplication, declineApplication, listApplications } from '../../domain/joining/decide.ts';
import { sessionOf } from '../../plugins/web/session.ts';
import { idFrom, type WithId } from './params.ts';

/** Where moderators decide who joins. */
export default async function moderateApplications(app: FastifyInstance): Promise<void> {
  const { db, queue } = app;

  app.get('/applications', async (_request, reply) =>
    reply.page('moderate-applications', { title: 'Applications', applications: await listApplications(db) }),
  );

  for (const [verb, decide, message] of [
    ['approve', approveApplication, 'Approved. We’re emailing them.'],
    ['decline', declineApplication, 'Declined. We’re emailing them.'],
  ] as const) {
    app.post<WithId>(`/applications/:id/${verb}`, async (request, reply) => {
      await decide({ db, queue }, idFrom(request.params.id));
      await sessionOf(request).flash(message);
      return reply.redirect('/moderate/applications', 303);
    });
  }
}
