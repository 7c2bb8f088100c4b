import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { COLOURS } from '../domain/site/fields.ts';
import { noSuch } from '../errors.ts';

const CACHE_CONTROL = {
  /** A name with a hash always has the same content. */
  hashed: 'public, max-age=31536000, immutable',
  /** For fixed names, e.g. in the web app manifest. */
  plain: 'public, max-age=3600',
  /** During a deployment, another release's page may ask for its own file. Ours is the closest available. */
  foreign: 'no-cache',
} as const;

/** Serves files in `public/`, by name with or without a hash, and the logo in the site's colours. */
export default async function assets(app: FastifyInstance): Promise<void> {
  app.get<{ Params: { name: string } }>('/assets/:name', (request, reply) =>
    send(request, reply, request.params.name),
  );
  app.get('/favicon.ico', (request, reply) => send(request, reply, 'favicon.ico'));
  app.get<{ Params: { colour: string } }>('/icon/:colour([a-z]+).svg', async ({ params }, reply) => {
    const colour = new Map(Object.entries(COLOURS)).get(params.colour);
    if (colour === undefined) throw noSuch('file');
    return reply.header('cache-control', CACHE_CONTROL.plain).type('image/svg+xml').send(drawLogo(colour));
  });

  function send(request: FastifyRequest, reply: FastifyReply, name: string): Promise<FastifyReply> {
    const plainName = name.replace(/\.[0-9a-f]{12}(?=\.\w+$)/, '');
    const hashedName = app.assetManifest.get(plainName);
    if (hashedName === undefined) throw noSuch('file');
    const caching = name === hashedName ? 'hashed' : name === plainName ? 'plain' : 'foreign';
    return app.sendAsset(request, reply.header('cache-control', CACHE_CONTROL[caching]), plainName);
  }
}

function drawLogo(colour: string): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect x="2" y="6" width="28" height="20" rx="3" fill="${colour}"/><path d="M3.5 8.5 16 18.5l12.5-10" fill="none" stroke="#fff" stroke-width="2.5" stroke-linecap="round" stroke-linejoin="round"/></svg>`;
}
