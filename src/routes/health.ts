import type { FastifyInstance } from 'fastify';
import manifest from '../../package.json' with { type: 'json' };
import { pendingMigrations } from '../database/migrator.ts';
import { hasConsumingWorker } from '../queue/index.ts';
import { requireOperator } from './operators.ts';

/** Health checks for load balancers, orchestrators and operators. Not logged, because they are frequent. */
export default async function health(app: FastifyInstance): Promise<void> {
  const options = { logLevel: 'error' as const, config: { isAlwaysOn: true } };

  app.get('/health/live', options, async () => ({ status: 'ok' }));

  // For proxies that should keep sending requests while the database is down, because pages are served from the cache.
  app.get('/health/serving', options, async (_request, reply) =>
    app.drain.hasBegun ? reply.code(503).send({ status: 'stopping' }) : { status: 'ok' },
  );

  app.get('/health/ready', options, async (_request, reply) => {
    const missing = app.drain.hasBegun ? 'the process is stopping' : await findMissing(app);
    if (missing === undefined) return { status: 'ok' };
    return reply.code(503).send({ status: 'unavailable', missing });
  });

  app.get('/health', { ...options, onRequest: requireOperator(app) }, async (_request, reply) => {
    const details = await describe(app);
    return reply.code(details.status === 'unavailable' ? 503 : 200).send(details);
  });
}

/** Uses the reserved connection and none of the pages' tables, so busy or locked pages do not take a process out of service. */
async function findMissing({ reserved, outages }: FastifyInstance): Promise<string | undefined> {
  try {
    const pending = await pendingMigrations(reserved);
    return pending.length === 0 ? undefined : `migrations: ${pending.join(', ')}`;
  } catch (error) {
    outages.logFailure(error, {}, 'the database does not answer');
    return 'the database does not answer';
  }
}

/** The state of the site. Without mail or a worker it is degraded, but pages are served. */
async function describe(app: FastifyInstance) {
  const missing = await findMissing(app);
  const hasWorker = missing === undefined ? await hasConsumingWorker(app.reserved) : undefined;
  const { since } = app.mailOutage;
  const isDegraded = since !== undefined || hasWorker === false;
  return {
    status: missing === undefined ? (isDegraded ? 'degraded' : 'ok') : 'unavailable',
    version: manifest.version,
    missing: missing ?? null,
    isStopping: app.drain.hasBegun,
    hasWorker: hasWorker ?? null,
    mailOutageSince: since?.toISOString() ?? null,
  };
}
