import type { FastifyInstance } from 'fastify';
import { Permission } from '../../../domain/accounts/roles.ts';
import { requirePermission } from '../../guards.ts';
import actions from './actions.ts';
import charts from './charts.ts';
import job from './job.ts';
import limits from './limits.ts';
import list from './list.ts';
import live from './live.ts';
import overview from './overview.ts';
import schedules from './schedules.ts';

/** The job dashboard: Viewers read it, and Operators act. */
export default async function jobsDashboard(app: FastifyInstance): Promise<void> {
  app.addHook('onRequest', requirePermission(Permission.VIEW_JOBS));
  app.register(overview);
  app.register(charts);
  app.register(list);
  app.register(job);
  app.register(live);
  app.register(schedules);
  app.register(limits);
  app.register(actions);
}
