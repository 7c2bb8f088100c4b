import type { FastifyInstance } from 'fastify';
import { drawIdenticon } from '../domain/people/identicon.ts';

/** Avatars, drawn from the seed in their path. A picture never changes, so it may be cached forever. */
export default async function avatars(app: FastifyInstance): Promise<void> {
  app.get<{ Params: { seed: string } }>('/avatar/:seed([0-9a-f-]{36}).svg', async (request, reply) =>
    reply
      .type('image/svg+xml')
      .header('cache-control', 'public, max-age=31536000, immutable')
      .send(drawIdenticon(request.params.seed)),
  );
}
