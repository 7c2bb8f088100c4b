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
          { name: 'You' },
          { name: 'Posts' },
          { name: 'Drafts' },
          { name: 'Comments' },
          { name: 'People' },
          { name: 'Tags' },
          { name: 'Search' },
          { name: 'Notifications' },
          { name: 'Images', description: 'For your posts.' },
          { name: 'Reports', description: 'To the moderators.' },
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
