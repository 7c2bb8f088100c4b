import { type FastifyReply, type FastifyRequest, type FastifyServerOptions, LogController } from 'fastify';
import type { Config } from './config.ts';
import { isInstalled } from './development.ts';

/**
 * Logs JSON lines, or readable text on a terminal if pino-pretty, a development dependency, is installed.
 *
 * @param output stdout, or stderr for a command, because its output is on stdout
 */
export function loggerOptions(
  { logLevel: level }: Pick<Config, 'logLevel'>,
  output: typeof process.stdout | typeof process.stderr,
): NonNullable<Exclude<FastifyServerOptions['logger'], boolean>> {
  if (output.isTTY && isInstalled('pino-pretty')) {
    const options = { ignore: 'pid,hostname', destination: output.fd };
    return { level, serializers, transport: { target: 'pino-pretty', options } };
  }
  return { level, serializers, ...(output.fd === process.stderr.fd && { stream: output }) };
}

/** Logs one line per completed request, with the same `requestId` as its jobs. The start of a request is logged at debug level. */
export class RequestLog extends LogController {
  constructor() {
    super({ requestIdLogLabel: 'requestId' });
  }

  override incomingRequest(request: FastifyRequest): void {
    request.log.debug({ req: request }, 'incoming request');
  }

  override requestCompleted(
    error: Error | null | undefined,
    request: FastifyRequest,
    reply: FastifyReply,
  ): void {
    const line = { req: request, res: reply, responseTime: reply.elapsedTime };
    if (error) reply.log.error({ ...line, err: error }, 'request errored');
    else reply.log.info(line, 'request completed');
  }
}

/** Logs a request without its headers, its body, or secrets in its URL. */
export const serializers = { req: describeRequest };

function describeRequest(request: FastifyRequest) {
  return { method: request.method, url: loggablePath(request.url), remoteAddress: request.ip };
}

/** A mailed link's token has 43 characters; no route has a segment longer than this. */
const LONGEST_PLAIN_SEGMENT = 40;

/**
 * The path of a URL without secrets. Drops the query and redacts any segment long enough to be a token, even in a mistyped
 * path that matches no route.
 */
export function loggablePath(url: string): string {
  const path = url.split('?', 1)[0] ?? '';
  return path
    .split('/')
    .map((segment) => (segment.length > LONGEST_PLAIN_SEGMENT ? '[redacted]' : segment))
    .join('/');
}
