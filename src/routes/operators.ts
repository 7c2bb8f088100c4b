import { hash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyRequest, onRequestAsyncHookHandler } from 'fastify';
import { DomainError } from '../errors.ts';
import { isFromThisMachine } from './loopback.ts';

/** Makes a hook that requires METRICS_TOKEN as a bearer token, or a request from this machine if it is not set. */
export function requireOperator({ config: { metricsToken } }: FastifyInstance): onRequestAsyncHookHandler {
  return async function requireOperator(request, reply) {
    if (metricsToken === undefined) {
      if (isFromThisMachine(request)) return;
      throw new DomainError(
        'forbidden',
        'This is only available on this machine unless METRICS_TOKEN is set.',
      );
    }
    if (hasToken(request, metricsToken)) return;
    const message = 'Send METRICS_TOKEN as a bearer token.';
    return reply.code(401).header('www-authenticate', 'Bearer').send({ error: 'unauthorized', message });
  };
}

function hasToken(request: FastifyRequest, token: string): boolean {
  const given = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '';
  // Hashes have equal lengths, which `timingSafeEqual` requires.
  return timingSafeEqual(hash('sha256', given, 'buffer'), hash('sha256', token, 'buffer'));
}
