import helmet from '@fastify/helmet';
import fp from 'fastify-plugin';

/**
 * The headers of every answer. The policy names all that a page may load, and nothing inline. Referrers stay
 * within the site rather than being cut off: under `no-referrer` browsers send `Origin: null` with forms, and
 * over plain http the Origin is all that tells our own forms from another site's.
 */
export default fp(
  async (app) => {
    const isHttps = app.config.baseUrl.startsWith('https:');
    await app.register(helmet, {
      contentSecurityPolicy: {
        useDefaults: false,
        directives: {
          defaultSrc: ["'none'"],
          scriptSrc: ["'self'"],
          styleSrc: ["'self'"],
          imgSrc: ["'self'"],
          connectSrc: ["'self'"],
          manifestSrc: ["'self'"],
          formAction: ["'self'"],
          baseUri: ["'none'"],
          frameAncestors: ["'none'"],
        },
      },
      referrerPolicy: { policy: 'same-origin' },
      strictTransportSecurity: isHttps && { maxAge: 365 * 24 * 60 * 60, includeSubDomains: false },
      xFrameOptions: { action: 'deny' },
    });
  },
  { name: 'security-headers', decorators: { fastify: ['config'] } },
);
