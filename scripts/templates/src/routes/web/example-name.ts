import type { FastifyInstance } from 'fastify';
import { requireUser } from '../guards.ts';

/** Says what people do here. */
export default async function exampleName(app: FastifyInstance): Promise<void> {
  app.addHook('onRequest', requireUser);

  app.get('/example-name', async (_request, reply) => {
    return reply.page('example-name', { title: 'Example name' });
  });
}
