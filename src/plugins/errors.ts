import type { Socket } from 'node:net';
import accepts from 'accepts';
import type { ConnectionError, FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { isUnavailable } from '../database/unavailable.ts';
import { Busy, DomainError, type DomainErrorCode, TooManyRequests } from '../errors.ts';
import { READING_METHODS } from '../http/methods.ts';
import { STATUS_CODES } from '../http/status-codes.ts';
import { bellOf } from './web/bell.ts';
import { permissionsOf } from './web/permissions.ts';

/** The HTTP status of each domain error. */
const STATUS_OF: Record<DomainErrorCode, number> = {
  unauthorized: 401,
  forbidden: 403,
  blocked: 403,
  unconfirmed: 403,
  'two-factor-required': 403,
  'not-found': 404,
  'username-taken': 409,
  'email-taken': 409,
  'reason-missing': 422,
  'last-administrator': 409,
  'edit-conflict': 412,
  'edit-too-late': 403,
  'parent-gone': 409,
  'export-underway': 409,
  'import-underway': 409,
  'unusable-import': 422,
  'too-many-tokens': 409,
  'too-many-blocks': 409,
  'too-many-drafts': 409,
  'too-many-followed-tags': 409,
  'invalid-tags': 422,
  'too-far-ahead': 422,
  'not-in-force': 409,
  'invalid-reason': 422,
  'idempotency-key-reused': 422,
  unrenderable: 422,
  'unusable-image': 422,
  'image-quota-used': 409,
  'too-many-requests': 429,
  busy: 503,
};

const NOT_FOUND = 'This page does not exist.';

/** Messages for people, by status. They reveal no internals, which the log has under the request's id. */
const EXPLANATIONS: Record<number, string> = {
  400: 'The request could not be understood.',
  403: 'You do not have permission to do this.',
  404: NOT_FOUND,
  413: 'What you sent is too large.',
  415: 'Unsupported content type.',
  429: 'Too many attempts.',
  503: 'The site is briefly unavailable. Please try again in a moment.',
  500: 'Something went wrong on our side. The error has been logged.',
};

/** The status for Node's errors about malformed requests, where it is not 400. */
const CLIENT_ERROR_STATUS: Readonly<Record<string, number>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_HEADER_OVERFLOW: 431,
};

/** The Retry-After while the database is unavailable. */
const RETRY_SECONDS = 5;

/** An error as an HTTP response. */
export interface Refusal {
  readonly status: number;
  readonly message: string;
  /** In seconds, if waiting helps. */
  readonly retryAfter: number | undefined;
}

/** Responds to errors with a page for browsers and with JSON for other clients. */
export default fp(
  async (app) => {
    app.setErrorHandler<FastifyError>((error, request, reply) =>
      answer(request, reply, reportError(app, error, request)),
    );
    // RFC 9112, section 3.2. Node itself would refuse it without security headers.
    app.addHook('onRequest', (request, reply, done) => {
      const { headers, httpVersion } = request.raw;
      if (headers.host !== undefined || httpVersion !== '1.1') return done();
      answer(request, reply, { status: 400, message: 'The Host header is missing.', retryAfter: undefined });
    });
    // PostgreSQL cannot store NUL, so no such page can exist.
    app.addHook('onRequest', ({ url }, _reply, done) => {
      const isImpossible = url.includes('%00') && url.split('?', 1)[0]?.includes('%00');
      done(isImpossible ? new DomainError('not-found', NOT_FOUND) : undefined);
    });
    // Node would send no security headers.
    app.server.on('checkExpectation', (_request, response) =>
      response.writeHead(417, { ...app.securityHeaders, 'content-length': 0 }).end(),
    );
  },
  { name: 'errors', dependencies: ['views', 'assets', 'alarms', 'db', 'site', 'drain', 'security-headers'] },
);

/** Responds to a URL without a route. */
export function answerUnknownUrl(request: FastifyRequest, reply: FastifyReply) {
  return answer(request, reply, { status: 404, message: NOT_FOUND, retryAfter: undefined });
}

/**
 * Logs why a request failed. Raises an alarm for a server error, unless the client has disconnected while the app closes. Returns
 * the response.
 */
export function reportError(app: FastifyInstance, error: FastifyError, request: FastifyRequest): Refusal {
  const refusal = describeError(error);
  if (error instanceof DomainError || refusal.status < 500) {
    request.log.info({ code: error.code, reason: error.message }, 'request refused');
    return refusal;
  }
  if (app.drain.isClosing && request.socket.destroyed) {
    request.log.info({ reason: error.message }, 'request abandoned');
    return refusal;
  }
  if (refusal.status === 503) {
    app.outages.report(error);
    if (request.databaseUse !== undefined) request.databaseUse.hasFailed = true;
    return refusal;
  }
  request.log.error({ err: error }, 'request failed');
  void app.raiseAlarm({
    title: `${request.method} ${request.routeOptions.url ?? '(no route)'} failed`,
    message: error.message,
    reference: `request ${request.id}`,
  });
  return refusal;
}

function describeError(error: FastifyError): Refusal {
  const status = statusOf(error);
  if (error instanceof TooManyRequests) {
    const { retryAfterSeconds: retryAfter } = error;
    return { status, message: `Too many attempts. Try again in ${duration(retryAfter)}.`, retryAfter };
  }
  const message =
    error instanceof DomainError ? error.message : (EXPLANATIONS[status] ?? STATUS_CODES[status] ?? '');
  const retryAfter = error instanceof Busy ? error.retryAfterSeconds : RETRY_SECONDS;
  return { status, message, retryAfter: status === 503 ? retryAfter : undefined };
}

/** Responds to a URL that cannot be decoded. No hook has run for it. */
export function answerBadUrl(_error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  const message = 'Invalid address.';
  reply.code(400).headers(request.server.securityHeaders);
  if (wantsJson(request) || request.url.startsWith('/api/')) reply.send({ error: 'bad request', message });
  else reply.type('text/plain; charset=utf-8').send(message);
}

/** Responds to bytes that are not HTTP or have too large headers. There is only a socket to write to. */
export function answerClientError(this: FastifyInstance, error: ConnectionError, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  this.log.debug({ code: error.code }, 'not an HTTP request');
  const status = CLIENT_ERROR_STATUS[error.code] ?? 400;
  const title = STATUS_CODES[status] ?? '';
  const body = JSON.stringify({ error: title.toLowerCase(), message: EXPLANATIONS[status] ?? title });
  const headers = {
    ...this.securityHeaders,
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  if (socket.writable) socket.write(`HTTP/1.1 ${status} ${title}\r\n${lines.join('')}\r\n${body}`);
  socket.destroy(error);
}

function statusOf(error: FastifyError): number {
  if (error instanceof DomainError) return STATUS_OF[error.code];
  const status = error.statusCode ?? 500;
  // First, because a client that disconnects causes the same network error as the database.
  if (status >= 400 && status < 500) return status;
  return isUnavailable(error) ? 503 : 500;
}

function answer(request: FastifyRequest, reply: FastifyReply, { status, message, retryAfter }: Refusal) {
  const reason = STATUS_CODES[status] ?? 'Error';
  const isRead = READING_METHODS.has(request.method);
  reply.code(status).header('cache-control', 'no-store');
  if (retryAfter !== undefined) reply.header('retry-after', retryAfter);
  if (wantsJson(request)) return reply.send({ error: reason.toLowerCase(), message });
  const user = request.session?.user ?? null;
  return reply.view('errors/error', {
    title: reason.charAt(0) + reason.slice(1).toLowerCase(),
    message,
    isMissing: status === 404,
    reference: status === 500 ? request.id : undefined,
    // After the wait, a page can be reloaded, and a form sent again without retyping it.
    canReload: retryAfter !== undefined && isRead,
    again:
      retryAfter !== undefined && !isRead
        ? { action: request.url, fields: request.readTyped?.() }
        : undefined,
    user,
    bell: bellOf(user),
    may: permissionsOf(user),
    // Someone whose session could not be looked up is not asked to log in.
    isSessionUnknown: status === 503 && request.session?.hasCookie && !request.session.isKnown,
    messages: [],
    site: request.server.site.settings,
    asset: request.server.assetPath,
  });
}

/** Whether the client accepts JSON but not HTML. A client that accepts anything gets a page. */
export function wantsJson(request: FastifyRequest): boolean {
  const accept = accepts(request.raw);
  return Boolean(accept.type(['json'])) && !accept.type(['html']);
}

function duration(seconds: number): string {
  if (seconds < 60) return seconds === 1 ? '1 second' : `${seconds} seconds`;
  const minutes = Math.ceil(seconds / 60);
  if (minutes < 120) return minutes === 1 ? '1 minute' : `${minutes} minutes`;
  return `${Math.ceil(minutes / 60)} hours`;
}
