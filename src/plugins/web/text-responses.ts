import type { FastifyReply } from 'fastify';
import fp from 'fastify-plugin';
import { READING_METHODS } from '../http-methods.ts';
import { Representation } from '../representation.ts';

/**
 * Gives each text that answers a GET an ETag, packs it as its reader can unpack it, and sends a reader who has that
 * very text 304 instead (RFC 9110, section 13). No page has a secret beside what somebody else may have put into it,
 * which packing would give away.
 */
export default fp(
  async (app) => {
    app.addHook('onSend', (request, reply, payload, done) => {
      const isRead = READING_METHODS.has(request.method);
      if (!isRead || reply.statusCode !== 200 || typeof payload !== 'string') {
        request.flight?.giveUp();
        return done(null, payload);
      }
      if (!reply.hasHeader('vary')) reply.header('vary', 'accept-encoding');
      const text = request.flight?.land(payload, headersOf(reply)) ?? new Representation(payload, 'little');
      const chosen = text.choose(request, reply);
      if (chosen instanceof Promise) chosen.then((packed) => done(null, packed), done);
      else done(null, chosen);
    });
  },
  { name: 'text-responses' },
);

/** What describes a text to all its readers. The other headers are each answer's own. */
const DESCRIBING = ['content-type', 'cache-control', 'last-modified', 'vary'] as const;

function headersOf(reply: FastifyReply): Record<string, string> {
  return Object.fromEntries(
    DESCRIBING.flatMap((name) => (reply.hasHeader(name) ? [[name, String(reply.getHeader(name))]] : [])),
  );
}
