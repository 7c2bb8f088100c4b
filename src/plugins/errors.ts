import { STATUS_CODES } from 'node:http';
import accepts from 'accepts';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { DomainError, type DomainErrorCode, TooManyRequests } from '../errors.ts';

/** The one table from what the domain says to what HTTP says. */
const STATUS_OF: Record<DomainErrorCode, number> = {
  forbidden: 403,
  'not-found': 404,
  'username-taken': 409,
  'email-taken': 409,
  'edit-conflict': 409,
  'export-underway': 409,
  'too-many-requests': 429,
};

const NOT_FOUND = 'There is no page at this address.';

/** What a person is told, by status. Nothing of the inside: the log has that, under the request's id. */
const EXPLANATIONS: Record<number, string> = {
  400: 'The request could not be understood.',
  403: 'You do not have permission to do this.',
  404: NOT_FOUND,
  413: 'What you sent is too large.',
  415: 'This page takes only what its own form sends.',
  429: 'Too many attempts.',
  500: 'Something went wrong on our side. It has been written down.',
};

/** Answers every error, as a page for a browser and as JSON for a program, and logs those that are ours. */
export default fp(
  async (app) => {
    app.setErrorHandler<FastifyError>((error, request, reply) => {
      const status = statusOf(error);
      if (status >= 500) {
        request.log.error({ err: error }, 'request failed');
        void app.raiseAlarm({
          title: `${request.method} ${request.routeOptions.url ?? '(no route)'} failed`,
          message: error.message,
          reference: `request ${request.id}`,
        });
      } else request.log.info({ code: error.code, reason: error.message }, 'request refused');

      if (error instanceof TooManyRequests) {
        reply.header('retry-after', error.retryAfterSeconds);
        return answer(
          request,
          reply,
          status,
          `Too many attempts. Try again in ${duration(error.retryAfterSeconds)}.`,
        );
      }
      return answer(request, reply, status, explanation(error, status));
    });
    // PostgreSQL has no text with NUL in it, so there is nothing at such an address.
    app.addHook('onRequest', async ({ url }) => {
      if (url.split('?', 1)[0]?.includes('%00')) throw new DomainError('not-found', NOT_FOUND);
    });
    app.setNotFoundHandler((request, reply) => answer(request, reply, 404, NOT_FOUND));
  },
  { name: 'errors', dependencies: ['views', 'alarms'] },
);

/** For a URL that cannot be decoded. It reaches no route, so no plugin has prepared its request and reply. */
export function answerBadUrl(_error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  const message = 'This address is not a valid one.';
  reply.code(400);
  if (wantsJson(request)) reply.send({ error: 'bad request', message });
  else reply.type('text/plain; charset=utf-8').send(message);
}

function statusOf(error: FastifyError): number {
  if (error instanceof DomainError) return STATUS_OF[error.code];
  const status = error.statusCode ?? 500;
  return status >= 400 && status < 500 ? status : 500;
}

function explanation(error: FastifyError, status: number): string {
  if (error instanceof DomainError) return error.message;
  return EXPLANATIONS[status] ?? STATUS_CODES[status] ?? '';
}

function answer(request: FastifyRequest, reply: FastifyReply, status: number, message: string) {
  const title = STATUS_CODES[status] ?? 'Error';
  reply.code(status).header('cache-control', 'no-store');
  if (wantsJson(request)) return reply.send({ error: title.toLowerCase(), message });
  return reply.view('errors/error', {
    title,
    message,
    reference: status >= 500 ? request.id : undefined,
    user: request.session?.user ?? null,
    messages: [],
  });
}

/** A client that asks for JSON and not HTML; one that takes anything gets a page. */
function wantsJson(request: FastifyRequest): boolean {
  const accept = accepts(request.raw);
  return Boolean(accept.type(['json'])) && !accept.type(['html']);
}

function duration(seconds: number): string {
  if (seconds < 60) return seconds === 1 ? '1 second' : `${seconds} seconds`;
  const minutes = Math.ceil(seconds / 60);
  return minutes === 1 ? '1 minute' : `${minutes} minutes`;
}
