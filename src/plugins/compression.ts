import { negotiate } from '@fastify/accept-negotiator';
import compress from '@fastify/compress';
import type { FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';

/** What answers may be compressed with, the preferred first. */
const ENCODINGS: ('zstd' | 'gzip')[] = ['zstd', 'gzip'];

/** Up to this size in bytes an answer is compressed at once; a larger one would hold up other requests. */
const SYNC_THRESHOLD = 256 * 1024;

/**
 * Compresses each answer as its client can read it, at the effort that docs/performance.md found to pay. No page has a
 * secret beside what somebody else may have put into it, which the compressed size would give away.
 */
export default fp(
  async (app) => {
    await app.register(compress, {
      encodings: ENCODINGS,
      // For gzip; zstd has its own default.
      zlibOptions: { level: 2 },
      syncThreshold: SYNC_THRESHOLD,
      // A request of a few bytes could become a body of gigabytes.
      globalDecompression: false,
    });
    app.addHook('onSend', (_request, reply, payload, done) => {
      varyByEncoding(reply);
      done(null, payload);
    });
  },
  { name: 'compression' },
);

/** How the answer to a request will be encoded, if that makes it smaller. */
export function encodingFor({ headers }: FastifyRequest): string {
  return negotiate(headers['accept-encoding'] ?? '', ENCODINGS) ?? 'identity';
}

/** The plugin says so only of what it has compressed, but caches must tell the plain answer apart as well. */
function varyByEncoding(reply: FastifyReply): void {
  const vary = reply.getHeader('vary');
  if (vary === undefined) reply.header('vary', 'accept-encoding');
  else if (!String(vary).includes('accept-encoding')) reply.header('vary', `${vary}, accept-encoding`);
}
