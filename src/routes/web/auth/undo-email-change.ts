import type { FastifyInstance } from 'fastify';
import { isTokenValid } from '../../../domain/accounts/mailed-token.ts';
import { undoEmailChange } from '../../../domain/accounts/undo-email-change.ts';
import { sessionOf } from '../../../plugins/web/session.ts';
import type { WithToken } from '../params.ts';
import { invalidLink } from './invalid-link.ts';

/** The link mailed to an account's old address after a change. */
export default async function undoEmailChangeRoutes(app: FastifyInstance): Promise<void> {
  const { db } = app;

  app.get<WithToken>('/undo-email-change/:token', async (request, reply) => {
    if (!(await isTokenValid(db, 'undo-email-change', request.params.token))) throw invalidLink();
    return reply.page('auth/undo-email-change', { title: 'Restore your email address' });
  });

  app.post<WithToken>('/undo-email-change/:token', async (request, reply) => {
    if (!(await undoEmailChange(app, request.params.token))) throw invalidLink();
    await sessionOf(request).flash(
      'Your old email address has been restored. We’ve sent it a link to choose a new password.',
    );
    return reply.redirect('/auth/login', 303);
  });
}
