import type { FastifyInstance, HTTPMethods } from 'fastify';

const METHODS: readonly HTTPMethods[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/**
 * Records the methods of a scope's routes.
 *
 * @returns a function to call after all routes are registered. It adds routes that answer other methods with 405, answer
 *   OPTIONS, and redirect paths that lack their trailing slash
 */
export function watchMethods(app: FastifyInstance): () => void {
  const methodsOf = new Map<string, Set<HTTPMethods>>();
  app.addHook('onRoute', ({ url, method }) => {
    const path = url.slice(app.prefix.length);
    methodsOf.set(path, (methodsOf.get(path) ?? new Set()).union(new Set([method].flat())));
  });
  return () => {
    for (const [path, methods] of [...methodsOf]) {
      refuseOtherMethods(app, path, methods);
      if (path.endsWith('/')) redirectToSlash(app, path);
    }
  };
}

function refuseOtherMethods(app: FastifyInstance, url: string, methods: ReadonlySet<HTTPMethods>): void {
  const allow = [...methods, 'OPTIONS'].join(', ');
  app.route({
    url,
    method: METHODS.filter((method) => !methods.has(method)),
    onRequest: async ({ method }, reply) => {
      reply.header('allow', allow);
      if (method === 'OPTIONS') return reply.code(204).send();
      return reply.code(405).send({ error: 'method not allowed', message: `Allowed here: ${allow}` });
    },
    handler: async () => {}, // Never reached: the hook responds.
  });
}

/** With 308, clients keep the method and body. */
function redirectToSlash(app: FastifyInstance, path: string): void {
  app.route({
    url: path.slice(0, -1),
    method: [...METHODS],
    onRequest: async ({ url }, reply) => {
      const [, pathname, query] = /^([^?]*)(.*)$/s.exec(url) ?? [];
      return reply.redirect(`${pathname}/${query}`, 308);
    },
    handler: async () => {},
  });
}
