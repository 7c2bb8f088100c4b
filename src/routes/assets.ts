import type { FastifyInstance } from 'fastify';

/** The files of `public/`. */
export default async function assets(app: FastifyInstance): Promise<void> {
  app.get<{ Params: { name: string } }>('/assets/:name', (request, reply) =>
    app.sendAsset(request, reply, request.params.name),
  );
  app.get('/favicon.ico', (request, reply) => app.sendAsset(request, reply, 'favicon.ico'));
}
