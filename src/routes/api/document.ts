import type { FastifyInstance } from 'fastify';

/** The OpenAPI document, as the site's settings change it. */
export function openApiOf(app: FastifyInstance) {
  const document = app.swagger();
  const { name: title, api } = app.site.settings;
  const description = `${document.info.description}${api === 'everyone' ? ' Reading needs no credentials.' : ''}`;
  return { ...document, info: { ...document.info, title, description } };
}

/** The OpenAPI document. It is public, because clients need it to learn how to authenticate. */
export default async function document(app: FastifyInstance): Promise<void> {
  app.get('/openapi.json', { schema: { hide: true } }, async (_request, reply) => {
    reply.header('cache-control', 'no-cache').type('application/json; charset=utf-8');
    return JSON.stringify(openApiOf(app));
  });
}
