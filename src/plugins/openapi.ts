import swagger from '@fastify/swagger';
import fp from 'fastify-plugin';

/** Provides `app.swagger()`, the OpenAPI document of all routes with a tag, generated from their schemas. */
export default fp(
  async (app) => {
    await app.register(swagger, {
      hideUntagged: true,
      openapi: {
        openapi: '3.1.0',
        info: {
          title: 'API', // The site's name replaces it.
          version: '1',
          description: 'Read and write posts, comments and profiles.',
        },
        servers: [{ url: app.config.baseUrl }],
        tags: [
          { name: 'Tokens', description: 'Short-lived API tokens.' },
          { name: 'Posts' },
          { name: 'Comments' },
          { name: 'People' },
          { name: 'Search' },
          { name: 'Images', description: 'For your posts.' },
        ],
        components: {
          securitySchemes: {
            bearer: { type: 'http', scheme: 'bearer', description: 'A token.' },
            basic: {
              type: 'http',
              scheme: 'basic',
              description: 'Email and password, or a token as the user name and an empty password.',
            },
          },
        },
        security: [{ bearer: [] }, { basic: [] }],
      },
      refResolver: {
        buildLocalReference: (schema, _baseUri, _fragment, index) => String(schema.$id ?? `schema-${index}`),
      },
    });
  },
  { name: 'openapi', decorators: { fastify: ['config'] } },
);
