import type { FastifyInstance } from 'fastify';
import actions from './actions.ts';
import limits from './limits.ts';
import list from './list.ts';
import overview from './overview.ts';

/** The job dashboard. */
export default async function jobsDashboard(app: FastifyInstance): Promise<void> {
  app.register(overview);
  app.register(list);
  app.register(limits);
  app.register(actions);
}
