import type { FastifyInstance } from 'fastify';
import { Permission } from '../../domain/accounts/roles.ts';
import pages from '../../plugins/web/index.ts';
import { requirePermission, requireUser } from '../guards.ts';
import activity from './activity.ts';
import invitations from './invitations.ts';
import jobsDashboard from './jobs/index.ts';
import people from './people.ts';
import person from './person.ts';
import settings from './settings.ts';

/** The pages for Administrators, and the job dashboard, which Viewers and Operators see too. */
export default async function administration(app: FastifyInstance): Promise<void> {
  await app.register(pages);
  app.addHook('onRequest', requireUser);
  app.register(jobsDashboard, { prefix: '/jobs' });
  app.register(forAdministrators);
}

async function forAdministrators(app: FastifyInstance): Promise<void> {
  app.addHook('onRequest', requirePermission(Permission.ADMIN));
  app.register(activity, { prefix: '/activity' });
  app.register(people, { prefix: '/people' });
  app.register(person, { prefix: '/people/:id' });
  app.register(invitations, { prefix: '/invitations' });
  app.register(settings, { prefix: '/settings' });
}
