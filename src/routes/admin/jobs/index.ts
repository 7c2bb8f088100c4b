import type { FastifyInstance } from 'fastify';
import { Permission } from '../../../domain/accounts/roles.ts';
import { requirePermission, requireUser } from '../../../plugins/web/guards.ts';
import actions from './actions.ts';
import list from './list.ts';
import overview from './overview.ts';

/** The job dashboard, for Administrators. */
export default async function jobsDashboard(app: FastifyInstance): Promise<void> {
  app.addHook('onRequest', requireUser);
  app.addHook('onRequest', requirePermission(Permission.ADMIN));
  app.register(overview);
  app.register(list);
  app.register(actions);
}
