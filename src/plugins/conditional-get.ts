import { hash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import fresh from 'fresh';
import { READING_METHODS } from '../http/methods.ts';

/**
 * Gives each text that answers a GET an ETag, and sends a client that has it already 304 instead (RFC 9110, section 13).
 * A route that knows a cheaper ETag sets its own. Ours are weak: they name the text, however it is compressed.
 */
export default fp(
  async (app) => {
    app.addHook('onSend', (request, reply, payload, done) => {
      if (READING_METHODS.has(request.method) && reply.statusCode === 200) {
        if (typeof payload === 'string' && !reply.hasHeader('etag')) reply.header('etag', etagOf(payload));
        // The page cache needs the whole page, and calls `unlessKnown` afterwards.
        if (request.endRendering === undefined) return done(null, unlessKnown(request, reply, payload));
      }
      done(null, payload);
    });
  },
  { name: 'conditional-get' },
);

/** What to send of an answer: all of it, or nothing and 304 when the client has the same already. */
export function unlessKnown<Payload>(
  { headers }: FastifyRequest,
  reply: FastifyReply,
  payload: Payload,
): Payload | string {
  const validators = { etag: reply.getHeader('etag'), 'last-modified': reply.getHeader('last-modified') };
  if (!fresh(headers, validators)) return payload;
  reply.code(304);
  for (const name of ['content-type', 'content-length', 'content-encoding']) reply.removeHeader(name);
  return '';
}

function etagOf(text: string): string {
  return `W/"${hash('sha1', text, 'base64url')}"`;
}
