import type { FastifyInstance } from 'fastify';
import { resendConfirmation } from '../../../domain/accounts/confirm.ts';
import { currentUser } from '../../../plugins/web/guards.ts';

export default async function unconfirmedRoutes(app: FastifyInstance): Promise<void> {
  const { db, queue, rateLimits } = app;

  app.get('/unconfirmed', async (request, reply) => {
    if (currentUser(request).isConfirmed) return reply.redirect('/', 303);
    return reply.page('auth/unconfirmed', { title: 'Confirm Your Account' });
  });

  app.post('/confirm', async (request, reply) => {
    const user = currentUser(request);
    if (user.isConfirmed) return reply.redirect('/', 303);
    await rateLimits.consume('resend', { account: user.id, address: request.ip });
    await resendConfirmation({ db, queue }, user.id);
    await request.session.flash('A new confirmation email has been sent to you by email.');
    return reply.redirect('/auth/unconfirmed', 303);
  });
}
