import type { FastifyInstance } from 'fastify';
import { forgiveBounce } from '../../../domain/mail/bounce.ts';
import { currentUser, sessionOf } from '../../../plugins/web/session.ts';

/** The button in the notice that mail has bounced. */
export default async function bouncedRoutes(app: FastifyInstance): Promise<void> {
  app.post('/bounced', { config: { limit: 'profile' } }, async (request, reply) => {
    const { id, email } = currentUser(request);
    await forgiveBounce(app.db, id);
    await sessionOf(request).flash(`We’ll send email to ${email} again.`);
    return reply.redirect('/', 303);
  });
}
