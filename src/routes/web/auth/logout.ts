import type { FastifyInstance } from 'fastify';

export default async function logoutRoutes(app: FastifyInstance): Promise<void> {
  app.post('/logout', async (request, reply) => {
    await request.session.signOut();
    await request.session.flash('You have been logged out.');
    return reply.redirect('/', 303);
  });
}
