import type { FastifyInstance } from 'fastify';
import { listOwnEvents } from '../../../domain/security-events/list.ts';
import { currentUser } from '../../../plugins/web/session.ts';
import { requireUser } from '../../guards.ts';
import { describeEvent, readActivityQuery } from '../activity.ts';

/** Recent activity on one's own account. */
export default async function activityRoutes(app: FastifyInstance): Promise<void> {
  app.get('/activity', { onRequest: requireUser }, async (request, reply) => {
    const { before } = readActivityQuery(request.query);
    const { events, next } = await listOwnEvents(app.db, currentUser(request).id, before);
    return reply.page('auth/activity', { title: 'Recent activity', events, next, before, describeEvent });
  });
}
