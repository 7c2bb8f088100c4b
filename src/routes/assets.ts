import type { FastifyInstance, FastifyReply } from 'fastify';
import { noSuch } from '../errors.ts';

const CACHE_CONTROL = {
  /** A name with a hash is of this content only. */
  hashed: 'public, max-age=31536000, immutable',
  /** For addresses that stand elsewhere, such as in a manifest. */
  plain: 'public, max-age=3600',
  /** A page of another version asks, in the middle of a deployment: this version's file is the nearest there is. */
  foreign: 'no-cache',
} as const;

/** The files of `public/`, by their names with or without a hash. */
export default async function assets(app: FastifyInstance): Promise<void> {
  app.get<{ Params: { name: string } }>('/assets/:name', (request, reply) =>
    send(reply, request.params.name),
  );
  app.get('/favicon.ico', (_request, reply) => send(reply, 'favicon.ico'));

  function send(reply: FastifyReply, name: string): FastifyReply {
    const plainName = name.replace(/\.[0-9a-f]{12}(?=\.\w+$)/, '');
    const hashedName = app.assetManifest.get(plainName);
    if (hashedName === undefined) throw noSuch('file');
    const caching = name === hashedName ? 'hashed' : name === plainName ? 'plain' : 'foreign';
    return reply.header('cache-control', CACHE_CONTROL[caching]).sendFile(plainName);
  }
}
