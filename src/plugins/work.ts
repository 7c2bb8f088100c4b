import { AsyncLocalStorage } from 'node:async_hooks';
import fp from 'fastify-plugin';

declare module 'fastify' {
  interface FastifyInstance {
    /** What is being done right now, wherever it is asked: `GET /post/:id`, or `job mail`. For logs. */
    work: AsyncLocalStorage<string>;
  }
}

/** `app.work`: follows each request and each job through all it calls. */
export default fp(
  async (app) => {
    const work = new AsyncLocalStorage<string>();
    app.decorate('work', work);
    app.addHook('onRequest', (request, _reply, done) => {
      work.run(`${request.method} ${request.routeOptions.url ?? '(no route)'}`, done);
    });
  },
  { name: 'work' },
);
