import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { DomainError } from '../errors.ts';
import { isFromThisMachine } from './loopback.ts';

/** `/metrics` for Prometheus. Requires METRICS_TOKEN as a bearer token, or only answers on this machine if it is not set. */
export default async function metrics(app: FastifyInstance): Promise<void> {
  const { metricsToken } = app.config;
  app.get('/metrics', { logLevel: 'error' }, async (request, reply) => {
    if (metricsToken === undefined && !isFromThisMachine(request)) {
      throw new DomainError(
        'forbidden',
        'Metrics are only available on this machine unless METRICS_TOKEN is set.',
      );
    }
    if (metricsToken !== undefined && !bears(request, metricsToken)) {
      const message = 'Send METRICS_TOKEN as a bearer token.';
      return reply.code(401).header('www-authenticate', 'Bearer').send({ error: 'unauthorized', message });
    }
    reply.header('cache-control', 'no-store').type(app.metrics.contentType);
    return app.metrics.text();
  });
}

function bears(request: FastifyRequest, token: string): boolean {
  const given = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '';
  // Hashes have equal lengths, which `timingSafeEqual` requires.
  return timingSafeEqual(hash(given), hash(token));
}

function hash(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
