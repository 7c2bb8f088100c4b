import { isIP } from 'node:net';
import fp from 'fastify-plugin';

/**
 * Ensures that `request.ip` is an IP address. If a trusted proxy passes on anything else in `X-Forwarded-For`, uses the proxy's
 * own address.
 */
export default fp(
  async (app) => {
    if (app.config.trustProxy === true) {
      app.log.warn(
        'TRUST_PROXY is true: anyone who can reach this process can claim any IP address. Set it to the proxies’ addresses or their number.',
      );
    }
    app.addHook('onRequest', (request, _reply, done) => {
      // Emptied rather than removed, because its presence shows that the request came through a proxy.
      if (isIP(request.ip) === 0) request.raw.headers['x-forwarded-for'] = '';
      done();
    });
  },
  { name: 'client-address', decorators: { fastify: ['config'] } },
);
