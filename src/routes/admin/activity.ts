import type { FastifyInstance } from 'fastify';
import { listEvents } from '../../domain/security-events/list.ts';
import { describeEvent, KIND_NAMES, readActivityQuery } from '../web/activity.ts';
import { withFields } from './jobs/filter.ts';

/** Activity on all accounts, for Administrators. */
export default async function activity(app: FastifyInstance): Promise<void> {
  app.get('/', async (request, reply) => {
    const { before, ...filter } = readActivityQuery(request.query);
    const { events, next } = await listEvents(app.db, filter, before);
    return reply.page('admin/activity', {
      title: 'Activity',
      events,
      olderHref: next && withFields('/admin/activity', { ...filter, before: String(next) }),
      filter,
      kinds: Object.entries(KIND_NAMES),
      describeEvent,
    });
  });
}
