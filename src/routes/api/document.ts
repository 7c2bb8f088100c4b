import type { FastifyInstance } from 'fastify';

/** The OpenAPI document: for everybody, because who wants to log in must know how. */
export default async function document(app: FastifyInstance): Promise<void> {
  app.get('/openapi.json', { schema: { hide: true } }, async (_request, reply) => {
    reply.header('cache-control', 'no-cache').type('application/json; charset=utf-8');
    return JSON.stringify(app.swagger());
  });
}
