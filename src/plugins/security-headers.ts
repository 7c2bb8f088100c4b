import type { OutgoingHttpHeaders } from 'node:http';
import fp from 'fastify-plugin';

declare module 'fastify' {
  interface FastifyInstance {
    /** The headers of every response, for responses that are sent without hooks. */
    securityHeaders: OutgoingHttpHeaders;
  }
}

/** Pages may only load these, and nothing inline. */
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
  // The one policy is in public/app.js, for HTML from this site's pages.
  "require-trusted-types-for 'script'",
  'trusted-types pages',
].join(';');

/** Browser features that no page needs. Injected scripts cannot use them either. */
const PERMISSIONS_POLICY =
  `accelerometer autoplay browsing-topics camera display-capture encrypted-media geolocation
  gyroscope hid identity-credentials-get magnetometer microphone midi payment
  screen-wake-lock serial usb xr-spatial-tracking`
    .split(/\s+/)
    .map((feature) => `${feature}=()`)
    .join(', ');

/** Mostly Helmet's defaults. A test compares them and lists the differences. */
const HEADERS: OutgoingHttpHeaders = Object.freeze({
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'origin-agent-cluster': '?1',
  'permissions-policy': PERMISSIONS_POLICY,
  // With `no-referrer`, browsers send `Origin: null` with forms. Over plain http, only the Origin distinguishes our forms
  // from another site's.
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  'x-dns-prefetch-control': 'off',
  'x-download-options': 'noopen',
  'x-frame-options': 'DENY',
  'x-permitted-cross-domain-policies': 'none',
  'x-xss-protection': '0',
});

/** For https sites: browsers then refuse plain http for a year. */
const HTTPS_HEADERS: OutgoingHttpHeaders = Object.freeze({
  ...HEADERS,
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
});

/**
 * Sets the security headers of every response that its route has not set. Runs in onSend, because cached pages already have these
 * headers.
 */
export default fp(
  async (app) => {
    const headers = app.config.baseUrl.startsWith('https:') ? HTTPS_HEADERS : HEADERS;
    app.decorate('securityHeaders', headers);
    app.addHook('onSend', (_request, reply, payload, done) => {
      for (const name in headers) if (!reply.hasHeader(name)) reply.header(name, headers[name]);
      done(null, payload);
    });
  },
  { name: 'security-headers', decorators: { fastify: ['config'] } },
);
