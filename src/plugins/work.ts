import { AsyncLocalStorage } from 'node:async_hooks';
import type { Span } from '@opentelemetry/api';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import type { DatabaseUse } from '../database/circuit-breaker.ts';
import { READING_METHODS } from '../http/methods.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether requests may exceed the request deadlines, such as downloads. Each statement still has its own. */
    readonly isLong?: boolean;
    /** Whether requests may use the connections that are reserved from ordinary pages. */
    readonly isVital?: boolean;
  }
  interface FastifyRequest {
    /** Undefined for long requests. */
    databaseUse: DatabaseUse | undefined;
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
  /** Undefined for jobs and long requests, which have no deadline. */
  readonly databaseUse?: DatabaseUse | undefined;
  /** Whether it goes first of all that wait for the database. For jobs. */
  readonly isUrgent?: boolean | undefined;
  /** The span, if tracing is on. */
  readonly span?: Span | undefined;
}

/** Provides `app.work`, the context that follows each request and job through its calls. */
export default fp(
  async (app) => {
    const { readMs, requestMs } = app.config.deadlines;
    const work = new AsyncLocalStorage<Work>();
    app.decorate('work', work);
    app.decorateRequest('databaseUse', undefined);
    app.addHook('onRequest', (request, _reply, done) => {
      const { url = '(no route)', config } = request.routeOptions;
      const label = `${request.method} ${url}`;
      const deadline = performance.now() + (READING_METHODS.has(request.method) ? readMs : requestMs);
      const databaseUse = config.isLong
        ? undefined
        : { route: label, deadline, isVital: config.isVital === true, hasBegun: false, hasFailed: false };
      request.databaseUse = databaseUse;
      work.run({ label, requestId: request.id, databaseUse }, done);
    });
    // Waiting for a slow client's body is not waiting for the database.
    app.addHook('preParsing', ({ method, databaseUse }, _reply, payload, done) => {
      if (databaseUse !== undefined && !READING_METHODS.has(method)) {
        const startedAt = performance.now();
        payload.once('end', () => {
          databaseUse.deadline += performance.now() - startedAt;
        });
      }
      done(null, payload);
    });
  },
  { name: 'work', decorators: { fastify: ['config'] } },
);

/** Waits for something other than the database, such as a rendering thread, without using up the request's time for the database. */
export async function withoutDatabase<Result>(
  { work }: FastifyInstance,
  wait: () => Promise<Result>,
): Promise<Result> {
  const use = work.getStore()?.databaseUse;
  const startedAt = performance.now();
  try {
    return await wait();
  } finally {
    if (use !== undefined) use.deadline += performance.now() - startedAt;
  }
}

/** The context of a short query outside of requests. It has the deadline of a page. */
export function shortWork({ config }: Pick<FastifyInstance, 'config'>, label: string): Work {
  const deadline = performance.now() + config.deadlines.readMs;
  return {
    label,
    databaseUse: { route: label, deadline, isVital: false, hasBegun: false, hasFailed: false },
  };
}
