import t from 'tap';
import { build } from '../support/build.ts';

t.test('every answer forbids inline code, framing and sniffing, also an error', async (t) => {
  const app = await build(t);
  for (const url of ['/', '/auth/login', '/nowhere', '/assets/style.css', '/health/live']) {
    const { headers } = await app.inject(url);
    const policy = String(headers['content-security-policy']);
    t.match(policy, "default-src 'none'", url);
    t.match(policy, "script-src 'self'", url);
    t.notMatch(policy, 'unsafe', url);
    t.match(headers, {
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'same-origin',
      'x-frame-options': 'DENY',
    });
    t.notHas(headers, 'strict-transport-security', 'plain http promises no https');
  }
});

t.test('a site on https says so to browsers', async (t) => {
  const app = await build(t, { BASE_URL: 'https://blog.example' });
  t.match((await app.inject('/')).headers['strict-transport-security'], /^max-age=31536000/);
});
