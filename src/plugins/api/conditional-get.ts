import { createHash } from 'node:crypto';
import fp from 'fastify-plugin';
import fresh from 'fresh';
import { READING_METHODS } from '../http-methods.ts';

/**
 * Gives each answer to a GET an ETag, and sends a reader who has that very answer 304 instead (RFC 9110, section 13).
 * A route that knows a cheaper ETag sets its own.
 */
export default fp(
  async (app) => {
    app.addHook('onSend', async ({ method, headers }, reply, payload) => {
      const isConditional = READING_METHODS.has(method) && reply.statusCode === 200;
      if (!isConditional || typeof payload !== 'string') return payload;
      if (!reply.hasHeader('etag')) reply.header('etag', etagOf(payload));
      if (!fresh(headers, reply.getHeaders())) return payload;
      reply.code(304).removeHeader('content-type').removeHeader('content-length');
      return '';
    });
  },
  { name: 'conditional-get' },
);

function etagOf(payload: string): string {
  return `"${createHash('sha1').update(payload).digest('base64url')}"`;
}
