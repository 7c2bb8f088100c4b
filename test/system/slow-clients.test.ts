import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import type { FastifyInstance } from 'fastify';
import t, { type Test } from 'tap';
import { build } from '../support/build.ts';

const CLIENTS = 50;

/** Longer than a test may take. */
const LONG_MS = 60_000;

async function listen(
  t: Test,
  config: { headersTimeoutMs: number; requestTimeoutMs: number },
): Promise<FastifyInstance> {
  const app = await build(t, {}, { config });
  await app.listen({ host: '127.0.0.1', port: 0 });
  return app;
}

/** Sends the beginning of a request, then one byte after the other. Returns what the server answers until it hangs up. */
async function trickle(t: Test, app: FastifyInstance, beginning: string): Promise<string> {
  const { port } = app.server.address() as AddressInfo;
  const socket = connect(port, '127.0.0.1').setEncoding('utf8');
  t.teardown(() => socket.destroy());
  let answer = '';
  socket.on('data', (text) => (answer += text));
  socket.on('error', () => {}); // It writes to a closed connection.
  socket.write(beginning);
  const timer = setInterval(() => socket.write('x'), 50);
  await new Promise((resolve) => socket.once('close', resolve));
  clearInterval(timer);
  return answer;
}

async function holds(t: Test, app: FastifyInstance, beginning: string): Promise<void> {
  const startedAt = performance.now();
  const slow = Promise.all(Array.from({ length: CLIENTS }, () => trickle(t, app, beginning)));
  const { port } = app.server.address() as AddressInfo;
  t.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 200, 'others are served');
  for (const answer of await slow) t.match(answer, /^HTTP\/1\.1 408 /);
  t.ok(performance.now() - startedAt < 15_000);
}

t.test('clients that send their headers byte by byte are cut off', async (t) => {
  const app = await listen(t, { headersTimeoutMs: 400, requestTimeoutMs: LONG_MS });
  await holds(t, app, 'GET / HTTP/1.1\r\nhost: localhost\r\nx-slow: ');
});

t.test('clients that send their body byte by byte are cut off', async (t) => {
  const headers =
    'host: localhost\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: 100000';
  const app = await listen(t, { headersTimeoutMs: 400, requestTimeoutMs: 800 });
  await holds(t, app, `POST /auth/login HTTP/1.1\r\n${headers}\r\n\r\nemail=`);
});
