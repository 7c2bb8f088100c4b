import { AsyncLocalStorage } from 'node:async_hooks';
import type { Span } from '@opentelemetry/api';
import fp from 'fastify-plugin';

declare module 'fastify' {
  interface FastifyInstance {
    /** What is being done right now, wherever it is asked. */
    work: AsyncLocalStorage<Work>;
  }
}

export interface Work {
  /** For logs: `GET /post/:id`, or `job mail`. */
  readonly label: string;
  /** The request that caused it; of a job, the one that caused the job. */
  readonly requestId?: string | undefined;
  /** What it is in a trace, when traces are kept. */
  readonly span?: Span | undefined;
}

/** `app.work`: follows each request and each job through all it calls. */
export default fp(
  async (app) => {
    const work = new AsyncLocalStorage<Work>();
    app.decorate('work', work);
    app.addHook('onRequest', (request, _reply, done) => {
      const label = `${request.method} ${request.routeOptions.url ?? '(no route)'}`;
      work.run({ label, requestId: request.id }, done);
    });
  },
  { name: 'work' },
);
