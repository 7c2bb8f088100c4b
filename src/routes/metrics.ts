import type { FastifyInstance } from 'fastify';
import { requireOperator } from './operators.ts';

/** `/metrics` for Prometheus. */
export default async function metrics(app: FastifyInstance): Promise<void> {
  const options = {
    logLevel: 'error' as const,
    config: { isAlwaysOn: true, isVital: true },
    onRequest: requireOperator(app),
  };
  app.get('/metrics', options, async (_request, reply) => {
    reply.header('cache-control', 'no-store').type(app.metrics.contentType);
    return app.metrics.text();
  });
}
