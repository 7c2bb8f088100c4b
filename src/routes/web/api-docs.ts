import type { FastifyInstance } from 'fastify';

/** The API explained to people: the OpenAPI document as a page, in the site's own layout and without scripts. */
export default async function apiDocs(app: FastifyInstance): Promise<void> {
  app.get('/api/v1/docs', (_request, reply) =>
    reply.page('api/docs', {
      title: 'The API',
      meta: { description: 'How programs read and write here, with JSON.', path: '/api/v1/docs' },
      rateLimit: app.config.rateLimitsEnabled ? app.config.apiRateLimit : undefined,
      document: app.swagger(),
    }),
  );
}
