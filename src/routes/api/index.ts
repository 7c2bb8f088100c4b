import cors from '@fastify/cors';
import type { FastifyInstance } from 'fastify';
import authentication from '../../plugins/api/authentication.ts';
import errors from '../../plugins/api/errors.ts';
import quota from '../../plugins/api/quota.ts';
import serialization from '../../plugins/api/serialization.ts';
import validation from '../../plugins/api/validation.ts';
import blocks from './blocks.ts';
import bookmarks from './bookmarks.ts';
import comments from './comments.ts';
import document from './document.ts';
import drafts from './drafts.ts';
import follows from './follows.ts';
import images from './images.ts';
import likes from './likes.ts';
import me from './me.ts';
import { watchMethods } from './methods.ts';
import notifications from './notifications.ts';
import pins from './pins.ts';
import posts from './posts.ts';
import reports from './reports.ts';
import { NAMED_SCHEMAS } from './resources.ts';
import search from './search.ts';
import tags from './tags.ts';
import tokens from './tokens.ts';
import users from './users.ts';
import { VERSION_SCHEMAS } from './version-resources.ts';
import versions from './versions.ts';

/** Response headers that other sites' pages may read, besides those that CORS always allows. */
const EXPOSED = ['ETag', 'Link', 'Location', 'Retry-After', 'RateLimit', 'RateLimit-Policy'];

/** The JSON API. It has no sessions or cookies. */
export default async function api(app: FastifyInstance): Promise<void> {
  const completeMethods = watchMethods(app);
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
  for (const schema of [...NAMED_SCHEMAS, ...VERSION_SCHEMAS]) app.addSchema(schema);
  await app.register(serialization);

  await app.register(document);
  await app.register(resources);
  completeMethods();
}

/** The routes that need credentials. */
async function resources(app: FastifyInstance): Promise<void> {
  await app.register(authentication);
  await app.register(quota);
  app.addHook('onRequest', async (_request, reply) => {
    reply.header('cache-control', 'private, no-cache');
  });
  app.register(tokens);
  app.register(me);
  app.register(posts);
  app.register(versions);
  app.register(drafts);
  app.register(comments);
  app.register(users);
  app.register(follows);
  app.register(blocks);
  app.register(search);
  app.register(tags);
  app.register(notifications);
  app.register(likes);
  app.register(bookmarks);
  app.register(pins);
  app.register(reports);
  app.register(images);
}
