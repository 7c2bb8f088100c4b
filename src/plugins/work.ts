import { AsyncLocalStorage } from 'node:async_hooks';
import type { Span } from '@opentelemetry/api';
import fp from 'fastify-plugin';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether requests may take longer than `deadlines.requestMs`, such as downloads. Each statement still may not. */
    readonly isLong?: boolean;
  }
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
  /** Until when a request may wait for the database, on the clock of `performance.now()`. */
  readonly deadline?: number | undefined;
  /** The span, if tracing is on. */
  readonly span?: Span | undefined;
}

/** Provides `app.work`, the context that follows each request and job through its calls. */
export default fp(
  async (app) => {
    const { requestMs } = app.config.deadlines;
    const work = new AsyncLocalStorage<Work>();
    app.decorate('work', work);
    app.addHook('onRequest', (request, _reply, done) => {
      const { url = '(no route)', config } = request.routeOptions;
      const deadline = config.isLong ? undefined : performance.now() + requestMs;
      work.run({ label: `${request.method} ${url}`, requestId: request.id, deadline }, done);
    });
  },
  { name: 'work', decorators: { fastify: ['config'] } },
);
