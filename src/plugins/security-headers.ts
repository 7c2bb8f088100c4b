import type { OutgoingHttpHeaders } from 'node:http';
import fp from 'fastify-plugin';

declare module 'fastify' {
  interface FastifyInstance {
    /** The headers of every answer, also of those that no route and no hook makes. */
    securityHeaders: OutgoingHttpHeaders;
  }
}

/** All that a page may load, and nothing inline. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "manifest-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  // Only public/app.js turns text into elements, and only pages of this site.
  "require-trusted-types-for 'script'",
  'trusted-types pages',
].join(';');

/** What no page needs, and so no script that got in may use. */
const PERMISSIONS_POLICY =
  `accelerometer autoplay browsing-topics camera display-capture encrypted-media geolocation
  gyroscope hid identity-credentials-get magnetometer microphone midi payment publickey-credentials-get
  screen-wake-lock serial usb xr-spatial-tracking`
    .split(/\s+/)
    .map((feature) => `${feature}=()`)
    .join(', ');

/** Helmet's headers, most at its defaults: a test compares them, and names the ones that are ours. */
const HEADERS: OutgoingHttpHeaders = Object.freeze({
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'origin-agent-cluster': '?1',
  'permissions-policy': PERMISSIONS_POLICY,
  // Under `no-referrer` browsers send `Origin: null` with forms, and over plain http the Origin is all that tells our
  // own forms from another site's.
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  'x-dns-prefetch-control': 'off',
  'x-download-options': 'noopen',
  'x-frame-options': 'DENY',
  'x-permitted-cross-domain-policies': 'none',
  'x-xss-protection': '0',
});

/** Only for a site on https: a browser that has seen it refuses plain http for a year. */
const HTTPS_HEADERS: OutgoingHttpHeaders = Object.freeze({
  ...HEADERS,
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
});

/** Sets the security headers of every answer. */
export default fp(
  async (app) => {
    const headers = app.config.baseUrl.startsWith('https:') ? HTTPS_HEADERS : HEADERS;
    app.decorate('securityHeaders', headers);
    app.addHook('onRequest', (_request, reply, done) => {
      reply.headers(headers);
      done();
    });
  },
  { name: 'security-headers', decorators: { fastify: ['config'] } },
);
