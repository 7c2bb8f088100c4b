import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import helmet from 'helmet';
import t from 'tap';
import { build } from '../support/build.ts';

t.test('every response forbids inline code, framing and sniffing, even an error', async (t) => {
  const app = await build(t);
  for (const url of ['/', '/auth/login', '/nowhere', '/assets/style.css', '/health/live']) {
    const { headers } = await app.inject(url);
    const policy = String(headers['content-security-policy']);
    t.match(policy, "default-src 'none'", url);
    t.match(policy, "script-src 'self'", url);
    t.match(policy, "require-trusted-types-for 'script';trusted-types pages", url);
    t.match(headers['permissions-policy'], /camera=\(\), .*geolocation=\(\)/, url);
    t.notMatch(policy, 'unsafe', url);
    t.match(headers, {
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'same-origin',
      'x-frame-options': 'DENY',
    });
    t.notHas(headers, 'strict-transport-security', 'plain http promises no https');
  }
});

t.test('responses sent without routes have the same headers', async (t) => {
  const app = await build(t);
  const { headers } = await app.inject('/user/%E0%A4%A');
  t.match(headers['content-security-policy'], "default-src 'none'");

  const site = new URL(await app.listen({ host: '127.0.0.1', port: 0 }));
  const say = async (words: string) => {
    const socket = connect(Number(site.port), site.hostname);
    await once(socket, 'connect');
    socket.write(words);
    return text(socket);
  };
  const nonsense = await say('nonsense\r\n\r\n');
  t.match(nonsense, /^HTTP\/1\.1 400 Bad Request\r\n/);
  const huge = await say(`GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`);
  t.match(huge, /^HTTP\/1\.1 431 Request Header Fields Too Large\r\n/);
  const hopeful = await say('GET / HTTP/1.1\r\nHost: localhost\r\nExpect: x\r\nConnection: close\r\n\r\n');
  t.match(hopeful, /^HTTP\/1\.1 417 Expectation Failed\r\n/);
  const homeless = await say('GET / HTTP/1.1\r\nConnection: close\r\n\r\n');
  t.match(homeless, /^HTTP\/1\.1 400 Bad Request\r\n/);
  t.match(await say('GET /health/live HTTP/1.0\r\n\r\n'), /^HTTP\/1\.1 200 OK\r\n/, 'HTTP/1.0 has no Host');
  for (const answer of [nonsense, huge, hopeful, homeless]) {
    t.match(answer, /^content-security-policy: default-src 'none'/im);
    t.match(answer, /^x-content-type-options: nosniff\r$/im);
  }
});

t.test('an https site sends HSTS', async (t) => {
  const app = await build(t, { BASE_URL: 'https://blog.example' });
  t.match(
    (await app.inject('/')).headers['strict-transport-security'],
    'max-age=31536000; includeSubDomains',
  );
});

t.test('the headers are Helmet’s, except for our own', async (t) => {
  const setHeaders = helmet();
  const server = createServer((request, response) => setHeaders(request, response, () => response.end()));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const headers = new Headers((await fetch(`http://127.0.0.1:${port}/`)).headers);
  for (const name of ['connection', 'content-length', 'date', 'keep-alive', 'transfer-encoding'])
    headers.delete(name);

  const app = await build(t, { BASE_URL: 'https://blog.example' });
  const { securityHeaders } = app;
  t.same(
    Object.keys(securityHeaders).toSorted(),
    [...headers.keys(), 'permissions-policy'].toSorted(),
    'none is missing',
  );
  const ours = Object.keys(securityHeaders).filter((name) => headers.get(name) !== securityHeaders[name]);
  t.same(ours, ['content-security-policy', 'permissions-policy', 'referrer-policy', 'x-frame-options']);
});
