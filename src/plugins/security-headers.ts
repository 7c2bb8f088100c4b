import { IncomingMessage, type OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import fp from 'fastify-plugin';
import helmet from 'helmet';

declare module 'fastify' {
  interface FastifyInstance {
    /** The headers of every answer, also of those that no route and no hook makes. */
    securityHeaders: OutgoingHttpHeaders;
  }
}

/**
 * The headers of every answer. The policy names all that a page may load, and nothing inline. Referrers stay
 * within the site rather than being cut off: under `no-referrer` browsers send `Origin: null` with forms, and
 * over plain http the Origin is all that tells our own forms from another site's.
 *
 * They are the same every time, so Helmet is asked once: composing them costs as much as sending a small page.
 */
export default fp(
  async (app) => {
    const headers = composeHeaders(app.config.baseUrl.startsWith('https:'));
    app.decorate('securityHeaders', headers);
    app.addHook('onRequest', (_request, reply, done) => {
      reply.headers(headers);
      done();
    });
  },
  { name: 'security-headers', decorators: { fastify: ['config'] } },
);

/** What no page needs, and so no script that got in may use. Helmet has no opinion on it. */
const UNUSED_FEATURES =
  `accelerometer autoplay browsing-topics camera display-capture encrypted-media geolocation
  gyroscope hid identity-credentials-get magnetometer microphone midi payment publickey-credentials-get
  screen-wake-lock serial usb xr-spatial-tracking`
    .split(/\s+/)
    .map((feature) => `${feature}=()`)
    .join(', ');

function composeHeaders(isHttps: boolean): OutgoingHttpHeaders {
  const setHeaders = helmet({
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
        // Only public/app.js turns text into elements, and only pages of this site.
        requireTrustedTypesFor: ["'script'"],
        trustedTypes: ['pages'],
      },
    },
    referrerPolicy: { policy: 'same-origin' },
    strictTransportSecurity: isHttps && { maxAge: 365 * 24 * 60 * 60, includeSubDomains: true },
    xFrameOptions: { action: 'deny' },
  });
  const request = new IncomingMessage(new Socket());
  const response = new ServerResponse(request);
  setHeaders(request, response, (error) => {
    if (error !== undefined) throw error;
  });
  return { ...response.getHeaders(), 'permissions-policy': UNUSED_FEATURES };
}
