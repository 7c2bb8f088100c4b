import type { FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { DomainError } from '../../errors.ts';
import { SAFE_METHODS } from '../../http/methods.ts';

/**
 * Refuses what another site makes a visitor's browser send. The browser itself says where a request comes from,
 * so there is no token to keep, and nothing for several processes to agree on.
 */
export default fp(
  async (app) => {
    app.addHook('onRequest', (request, _reply, done) => {
      if (SAFE_METHODS.has(request.method) || isFromThisSite(request)) return done();
      done(new DomainError('forbidden', 'This form was sent from another site.'));
    });
  },
  { name: 'same-origin' },
);

/**
 * A request with neither header is no browser's, so no visitor was tricked into sending it. On an https site a page
 * that came over plain http is another site: anybody on the way can have written it. The scheme is the configured
 * one's, because a proxy that terminates TLS speaks plain http to this process.
 */
function isFromThisSite(request: FastifyRequest): boolean {
  const { origin } = request.headers;
  const fetchSite = request.headers['sec-fetch-site'];
  if (fetchSite !== undefined) return fetchSite === 'same-origin' || fetchSite === 'none';
  if (origin === undefined) return true;
  const from = URL.parse(origin);
  const isHttps = request.server.config.baseUrl.startsWith('https:');
  return from?.host === request.host && (from.protocol === 'https:' || !isHttps);
}
