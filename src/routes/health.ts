import type { FastifyInstance } from 'fastify';
import { pendingMigrations } from '../database/migrator.ts';

/** Health checks for load balancers and orchestrators. Not logged, because they are frequent. */
export default async function health(app: FastifyInstance): Promise<void> {
  const options = { logLevel: 'error' as const };

  app.get('/health/live', options, async () => ({ status: 'ok' }));

  app.get('/health/ready', options, async (_request, reply) => {
    const missing = await findMissing(app);
    if (missing === undefined) return { status: 'ok' };
    return reply.code(503).send({ status: 'unavailable', missing });
  });
}

/** Uses the reserved connection and no table of the pages, so busy or locked pages do not take a process out of service. */
async function findMissing({ reserved, outages }: FastifyInstance): Promise<string | undefined> {
  try {
    const pending = await pendingMigrations(reserved);
    return pending.length === 0 ? undefined : `migrations: ${pending.join(', ')}`;
  } catch (error) {
    outages.logFailure(error, {}, 'the database does not answer');
    return 'the database does not answer';
  }
}
