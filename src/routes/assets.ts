import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { noSuch } from '../errors.ts';

const CACHE_CONTROL = {
  /** A name with a hash always has the same content. */
  hashed: 'public, max-age=31536000, immutable',
  /** For fixed names, e.g. in the web app manifest. */
  plain: 'public, max-age=3600',
  /** During a deployment, another version's page may ask for its own file. Ours is the closest available. */
  foreign: 'no-cache',
} as const;

/** Serves files in `public/`, by name with or without a hash. */
export default async function assets(app: FastifyInstance): Promise<void> {
  app.get<{ Params: { name: string } }>('/assets/:name', (request, reply) =>
    send(request, reply, request.params.name),
  );
  app.get('/favicon.ico', (request, reply) => send(request, reply, 'favicon.ico'));

  function send(request: FastifyRequest, reply: FastifyReply, name: string): Promise<FastifyReply> {
    const plainName = name.replace(/\.[0-9a-f]{12}(?=\.\w+$)/, '');
    const hashedName = app.assetManifest.get(plainName);
    if (hashedName === undefined) throw noSuch('file');
    const caching = name === hashedName ? 'hashed' : name === plainName ? 'plain' : 'foreign';
    return app.sendAsset(request, reply.header('cache-control', CACHE_CONTROL[caching]), plainName);
  }
}
