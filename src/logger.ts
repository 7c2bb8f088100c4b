import type { FastifyRequest, FastifyServerOptions } from 'fastify';
import type { Config } from './config.ts';

/** JSON lines on stdout; for a person at a terminal, the same in a readable form. */
export function loggerOptions(
  config: Pick<Config, 'logLevel'>,
): NonNullable<Exclude<FastifyServerOptions['logger'], boolean>> {
  return {
    level: config.logLevel,
    serializers,
    ...(process.stdout.isTTY && {
      transport: { target: 'pino-pretty', options: { ignore: 'pid,hostname' } },
    }),
  };
}

/** How a request stands in the log: without its headers, its body, and what may be secret in its URL. */
export const serializers = { req: describeRequest };

function describeRequest(request: FastifyRequest) {
  return { method: request.method, url: loggablePath(request.url), remoteAddress: request.ip };
}

/** A mailed link's token is 43 characters; no path of the site has a longer word of its own than this. */
const LONGEST_PLAIN_SEGMENT = 40;

/**
 * The path of a URL without what may be secret: the query is dropped, and so is any segment long enough to be a
 * token, also in a path that was mistyped and matches no route.
 */
export function loggablePath(url: string): string {
  const path = url.split('?', 1)[0] ?? '';
  return path
    .split('/')
    .map((segment) => (segment.length > LONGEST_PLAIN_SEGMENT ? '[redacted]' : segment))
    .join('/');
}
