import { AsyncLocalStorage } from 'node:async_hooks';
import type { Span } from '@opentelemetry/api';
import fp from 'fastify-plugin';

declare module 'fastify' {
  interface FastifyInstance {
    /** The context of the current request or job. */
    work: AsyncLocalStorage<Work>;
  }
}

export interface Work {
  /** For logs, e.g. `GET /post/:id` or `job mail`. */
  readonly label: string;
  /** The request, or the one that caused the job. */
  readonly requestId?: string | undefined;
  /** The span, if tracing is on. */
  readonly span?: Span | undefined;
}

/** Provides `app.work`, the context that follows each request and job through its calls. */
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
