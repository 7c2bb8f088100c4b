import type { FastifyInstance } from 'fastify';
import { sessionOf } from '../../../plugins/web/session.ts';

export default async function logoutRoutes(app: FastifyInstance): Promise<void> {
  app.post('/logout', async (request, reply) => {
    await sessionOf(request).signOut();
    // Clears this person's pages from the browser's cache. public/app.js removes their drafts.
    reply.header('clear-site-data', '"cache"');
    await sessionOf(request).flash('You have been logged out.');
    return reply.redirect('/', 303);
  });
}
