import type { FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { DomainError } from '../../errors.ts';
import { SAFE_METHODS } from '../../http/methods.ts';

/**
 * Refuses requests that other sites make a visitor's browser send (CSRF). Browsers say where a request comes from, so no token has
 * to be stored or shared between processes. See ADR 3.
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
 * A request with neither header does not come from a browser, so nobody was tricked into sending it. An https site does not trust
 * pages loaded over plain http, which anyone on the network can alter. The configuration says which scheme the site has, because
 * this process sees plain http behind a TLS proxy.
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
