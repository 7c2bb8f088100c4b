import { constants, type ZlibOptions, type ZstdOptions } from 'node:zlib';
import { negotiate } from '@fastify/accept-negotiator';
import compress from '@fastify/compress';
import type { FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';

/** In order of preference. */
const ENCODINGS: ('zstd' | 'gzip')[] = ['zstd', 'gzip'];

/** The library passes these to both: `level` is gzip's, `params` are zstd's. */
const LEVELS: ZlibOptions & ZstdOptions = { level: 2, params: { [constants.ZSTD_c_compressionLevel]: 1 } };

/** Responses of more bytes are compressed asynchronously, so that they do not block other requests. */
const SYNC_THRESHOLD = 256 * 1024;

/**
 * Compresses responses at the best levels according to docs/performance.md. No page contains both a secret and text that an
 * attacker controls, so the compressed size reveals nothing (BREACH).
 */
export default fp(
  async (app) => {
    await app.register(compress, {
      encodings: ENCODINGS,
      zlibOptions: LEVELS,
      syncThreshold: SYNC_THRESHOLD,
      // A few bytes could expand to gigabytes.
      globalDecompression: false,
    });
    app.addHook('onSend', (_request, reply, payload, done) => {
      varyByEncoding(reply);
      done(null, payload);
    });
  },
  { name: 'compression' },
);

/** The encoding of the response to a request, if compression makes it smaller. */
export function encodingFor({ headers }: FastifyRequest): string {
  return negotiate(headers['accept-encoding'] ?? '', ENCODINGS) ?? 'identity';
}

/** The library only sets `Vary` on compressed responses, but caches need it on uncompressed ones too. */
function varyByEncoding(reply: FastifyReply): void {
  const vary = reply.getHeader('vary');
  if (vary === undefined) reply.header('vary', 'accept-encoding');
  else if (!String(vary).includes('accept-encoding')) reply.header('vary', `${vary}, accept-encoding`);
}
