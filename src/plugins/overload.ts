import underPressure from '@fastify/under-pressure';
import type { FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { Busy } from '../errors.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether the route answers under any load, because it is cheap and operators need it most then. */
    readonly isAlwaysOn?: boolean;
  }
}

/** How often the delay is measured. */
const SAMPLE_MS = 1_000;

/** During this time after the start, the last measurement includes the loading of the application, which is no overload. */
const STARTING_MS = 2 * SAMPLE_MS;

/**
 * Refuses requests at once while the event loop is too far behind, except for pages that the cache can serve. Other queues have
 * their own limits: for database connections, passwords and texts.
 */
export default fp(
  async (app) => {
    const { maxEventLoopDelayMs } = app.config;
    if (maxEventLoopDelayMs === 0) return;
    let readyAt = Infinity;
    app.addHook('onReady', (done) => {
      readyAt = performance.now();
      done();
    });
    await app.register(underPressure, {
      maxEventLoopDelay: maxEventLoopDelayMs,
      sampleInterval: SAMPLE_MS,
      pressureHandler(request) {
        if (performance.now() - readyAt > STARTING_MS && !isCheap(request)) throw new Busy();
      },
    });
  },
  { name: 'overload', dependencies: ['errors'] },
);

/** Whether a route always responds, or the visitor gets a shared page. */
function isCheap({ routeOptions: { config }, headers }: FastifyRequest): boolean {
  return config.isAlwaysOn === true || (config.isShared === true && headers.cookie === undefined);
}
