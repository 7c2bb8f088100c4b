import type { FastifyInstance } from 'fastify';

export default async function logoutRoutes(app: FastifyInstance): Promise<void> {
  app.post('/logout', async (request, reply) => {
    await request.session.signOut();
    // Pages in the browser's cache were this person's; what they drafted there is removed by public/app.js.
    reply.header('clear-site-data', '"cache"');
    await request.session.flash('You have been logged out.');
    return reply.redirect('/', 303);
  });
}
