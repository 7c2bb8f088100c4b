import type { FastifyError, FastifyReply } from 'fastify';
import fp from 'fastify-plugin';
import { STATUS_CODES } from '../../http/status-codes.ts';
import { type Refusal, reportError } from '../errors.ts';

/** Messages for API clients, where they differ from those for people, by error code. */
const MESSAGES: Readonly<Record<string, string>> = {
  forbidden: 'Insufficient permissions',
  unrenderable: 'body takes too long to render or becomes too large; simplify it',
  FST_ERR_CTP_INVALID_JSON_BODY: 'The body is not valid JSON in UTF-8.',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'Send JSON with Content-Type: application/json, or an image with its own.',
  FST_ERR_CTP_BODY_TOO_LARGE: 'The body is too large: at most 1 MiB is accepted.',
};

/** The fields that the messages for people do not name, by error code. */
const FIELDS: Readonly<Record<string, string>> = {
  'invalid-tags': 'tags',
  'parent-gone': 'parent_url',
  'too-far-ahead': 'publish_at',
};

/** Responds to every error with `{ error, message }`. */
export default fp(
  async (app) => {
    app.setErrorHandler<FastifyError>((error, request, reply) => {
      const refusal = reportError(app, error, request);
      if (refusal.status === 400 && error.validationContext === 'params')
        return answer(reply, { ...refusal, status: 404 });
      const isInvalid = refusal.status === 400 && error.code === 'FST_ERR_VALIDATION';
      const message = isInvalid ? error.message : (MESSAGES[error.code] ?? refusal.message);
      const field = FIELDS[error.code];
      return answer(reply, { ...refusal, message: field === undefined ? message : `${field}: ${message}` });
    });
    app.setNotFoundHandler((_request, reply) =>
      answer(reply, { status: 404, message: '', retryAfter: undefined }),
    );
  },
  { name: 'api-errors', dependencies: ['errors'] },
);

function answer(reply: FastifyReply, { status, message, retryAfter }: Refusal) {
  reply.code(status).header('cache-control', 'no-store');
  if (retryAfter !== undefined) reply.header('retry-after', retryAfter);
  if (status === 401) {
    reply.header('www-authenticate', ['Bearer realm="API"', 'Basic realm="API", charset="UTF-8"']);
  }
  const error = (STATUS_CODES[status] ?? 'error').toLowerCase();
  return reply.send(status === 404 ? { error } : { error, message });
}
