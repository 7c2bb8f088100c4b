import type { FastifyInstance } from 'fastify';
import { openApiOf } from '../api/document.ts';

/** The API's documentation: the OpenAPI document as a page in the site's layout, without scripts. */
export default async function apiDocs(app: FastifyInstance): Promise<void> {
  app.get('/api/v1/docs', (_request, reply) =>
    reply.page('api/docs', {
      title: 'The API',
      meta: {
        description: 'The JSON API for reading and writing posts, comments and profiles.',
        path: '/api/v1/docs',
      },
      rateLimit: app.config.rateLimitsEnabled ? app.config.apiRateLimit : undefined,
      document: openApiOf(app),
    }),
  );
}
