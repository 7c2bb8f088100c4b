import cors from '@fastify/cors';
import type { FastifyInstance } from 'fastify';
import authentication from '../../plugins/api/authentication.ts';
import errors from '../../plugins/api/errors.ts';
import { watchMethods } from '../../plugins/api/methods.ts';
import quota from '../../plugins/api/quota.ts';
import serialization from '../../plugins/api/serialization.ts';
import validation from '../../plugins/api/validation.ts';
import comments from './comments.ts';
import document from './document.ts';
import posts from './posts.ts';
import { NAMED_SCHEMAS } from './resources.ts';
import tokens from './tokens.ts';
import users from './users.ts';

/** What a page of another site may read of an answer, beside what browsers always show it. */
const EXPOSED = ['ETag', 'Link', 'Location', 'Retry-After', 'RateLimit', 'RateLimit-Policy'];

/** The API for programs: JSON in and out, and nothing of sessions or cookies. */
export default async function api(app: FastifyInstance): Promise<void> {
  const addWhatIsMissing = watchMethods(app);
  await app.register(errors);
  await app.register(validation);
  const { corsOrigins } = app.config;
  if (corsOrigins !== undefined) {
    const origin = corsOrigins === '*' ? corsOrigins : [...corsOrigins];
    await app.register(cors, {
      origin,
      methods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'],
      exposedHeaders: EXPOSED,
    });
  }
  for (const schema of NAMED_SCHEMAS) app.addSchema(schema);
  await app.register(serialization);

  await app.register(document);
  await app.register(resources);
  addWhatIsMissing();
}

/** All that needs credentials. */
async function resources(app: FastifyInstance): Promise<void> {
  await app.register(authentication);
  await app.register(quota);
  app.addHook('onRequest', async (_request, reply) => {
    reply.header('cache-control', 'private, no-cache');
  });
  app.register(tokens);
  app.register(posts);
  app.register(comments);
  app.register(users);
}
