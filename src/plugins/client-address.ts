import { isIP } from 'node:net';
import fp from 'fastify-plugin';

/**
 * Keeps `request.ip` an address, whatever stands in `X-Forwarded-For`: where a trusted proxy passed on something
 * else, the client's address is the proxy's own. What counts or compares addresses need not check them again.
 */
export default fp(
  async (app) => {
    if (app.config.trustProxy === true) {
      app.log.warn(
        'TRUST_PROXY is true: anyone who can reach this process can claim any IP address. Set it to the proxies’ addresses or their number.',
      );
    }
    app.addHook('onRequest', (request, _reply, done) => {
      // Emptied rather than removed, because its presence tells that a proxy passed the request on.
      if (isIP(request.ip) === 0) request.raw.headers['x-forwarded-for'] = '';
      done();
    });
  },
  { name: 'client-address', decorators: { fastify: ['config'] } },
);
