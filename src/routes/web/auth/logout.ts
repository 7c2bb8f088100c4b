import type { FastifyInstance } from 'fastify';
import { sessionOf } from '../../../plugins/web/session.ts';

export default async function logoutRoutes(app: FastifyInstance): Promise<void> {
  app.post('/logout', async (request, reply) => {
    await sessionOf(request).signOut();
    // Pages in the browser's cache were this person's; what they drafted there is removed by public/app.js.
    reply.header('clear-site-data', '"cache"');
    await sessionOf(request).flash('You have been logged out.');
    return reply.redirect('/', 303);
  });
}
