import type { FastifyInstance } from 'fastify';
import { openApiOf, perSettings } from '../api/document.ts';
import { callsOf, schemasOf } from '../api/reference.ts';

/** The API's documentation: a page made from the OpenAPI document. */
export default async function apiDocs(app: FastifyInstance): Promise<void> {
  const { baseUrl, rateLimitsEnabled, apiRateLimit } = app.config;

  const reference = perSettings(app, () => {
    const document = openApiOf(app);
    const calls = callsOf(document, baseUrl);
    const sections = document.tags.map((tag) => ({
      ...tag,
      calls: calls.filter((call) => call.tag === tag.name),
    }));
    return { sections, schemas: schemasOf(document) };
  });

  app.get('/api/v1/docs', (_request, reply) =>
    reply.page('api/docs', {
      title: 'The API',
      meta: {
        description: 'The JSON API for reading and writing posts, comments and profiles.',
        path: '/api/v1/docs',
      },
      rateLimit: rateLimitsEnabled ? apiRateLimit : undefined,
      ...reference(),
    }),
  );
}
