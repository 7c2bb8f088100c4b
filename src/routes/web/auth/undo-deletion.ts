import type { FastifyInstance } from 'fastify';
import { undoDeletion } from '../../../domain/accounts/delete-account.ts';
import { isTokenValid } from '../../../domain/accounts/mailed-token.ts';
import { sessionOf } from '../../../plugins/web/session.ts';
import type { WithToken } from '../params.ts';
import { invalidLink } from './invalid-link.ts';

/** The link mailed to someone who deletes their account. */
export default async function undoDeletionRoutes(app: FastifyInstance): Promise<void> {
  const { db } = app;

  app.get<WithToken>('/undo-deletion/:token', async (request, reply) => {
    if (!(await isTokenValid(db, 'undo-deletion', request.params.token))) throw invalidLink();
    return reply.page('auth/undo-deletion', { title: 'Keep your account' });
  });

  app.post<WithToken>('/undo-deletion/:token', async (request, reply) => {
    if (!(await undoDeletion(db, request.params.token))) throw invalidLink();
    await sessionOf(request).flash('Your account will not be deleted. You can log in again.');
    return reply.redirect('/auth/login', 303);
  });
}
