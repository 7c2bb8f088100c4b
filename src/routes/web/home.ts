import type { FastifyInstance } from 'fastify';

export default async function home(app: FastifyInstance): Promise<void> {
  app.get('/', (_request, reply) => reply.page('home', { title: 'Home' }));
}
