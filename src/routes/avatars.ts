import type { FastifyInstance } from 'fastify';
import { drawIdenticon } from '../domain/people/identicon.ts';
import { readPicture } from '../domain/pictures/find.ts';
import type { PictureSize } from '../domain/pictures/picture.ts';

/** For paths whose content never changes. */
export const FOREVER = 'public, max-age=31536000, immutable';

/** Avatars: drawn from the seed in their path, or uploaded pictures, with their hash in the path. */
export default async function avatars(app: FastifyInstance): Promise<void> {
  app.get<{ Params: { seed: string } }>('/avatar/:seed([0-9a-f-]{36}).svg', async (request, reply) =>
    reply.type('image/svg+xml').header('cache-control', FOREVER).send(drawIdenticon(request.params.seed)),
  );

  app.get<{ Params: { size: PictureSize; hash: string } }>(
    '/avatar/:size(small|large)/:hash([\\w-]{43}).webp',
    async ({ params: { hash, size } }, reply) => {
      // From the primary, because a replica may not have a new picture yet.
      const picture = await readPicture(app.db, hash, size);
      return reply.type('image/webp').header('cache-control', FOREVER).send(picture);
    },
  );
}
