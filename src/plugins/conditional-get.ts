import { transcode } from 'node:buffer';
import { hash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import fresh from 'fresh';
import { READING_METHODS } from '../http/methods.ts';

/**
 * Adds an ETag to text responses to GET, and responds with 304 if the client already has the text (RFC 9110, section 13).
 * Routes may set a cheaper ETag. Ours are weak, because they identify the text, not its compressed bytes. Responses that must not
 * be stored get none.
 */
export default fp(
  async (app) => {
    app.addHook('onSend', (request, reply, payload, done) => {
      if (!READING_METHODS.has(request.method) || reply.statusCode !== 200) return done(null, payload);
      // Encoded once, for the hash and for the socket.
      const text = typeof payload === 'string' ? encode(payload) : undefined;
      if (text !== undefined && !reply.hasHeader('etag') && !isUnstored(reply)) {
        reply.header('etag', etagOf(text));
      }
      const content = text ?? payload;
      // The page cache needs the whole page. It calls `unlessKnown` itself.
      done(null, request.rendering === undefined ? unlessKnown(request, reply, content) : content);
    });
  },
  { name: 'conditional-get' },
);

/** Returns the payload, or sets 304 and returns an empty one if the client already has it. */
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

/**
 * Encodes a text as UTF-8 by way of UTF-16. A single character such as ’ makes V8 store a page in UTF-16, which it takes four times
 * as long to encode itself: 59 instead of 14 µs for 29 kB.
 */
function encode(text: string): Buffer {
  try {
    return transcode(Buffer.from(text, 'utf16le'), 'utf16le', 'utf8');
  } catch {
    return Buffer.from(text); // Half a surrogate pair, as where a text was cut, becomes U+FFFD.
  }
}

function isUnstored(reply: FastifyReply): boolean {
  return String(reply.getHeader('cache-control')).includes('no-store');
}

function etagOf(content: Buffer): string {
  return `W/"${hash('sha1', content, 'base64url')}"`;
}
