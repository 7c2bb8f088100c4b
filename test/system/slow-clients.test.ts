import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import type { FastifyInstance } from 'fastify';
import t, { type Test } from 'tap';
import { build, testConfig } from '../support/build.ts';
import { captureLog } from '../support/log.ts';
import { waitFor } from '../support/wait-for.ts';

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

const BODY = 'email=nobody@example.com&password=penny black';
const POST = [
  'POST /auth/login HTTP/1.1',
  'host: localhost',
  'connection: close',
  'content-type: application/x-www-form-urlencoded',
  `content-length: ${BODY.length}`,
].join('\r\n');

t.test('a form may take longer to arrive than the database may take', async (t) => {
  const deadlines = { ...testConfig({}).deadlines, requestMs: 1_000 };
  const app = await build(t, {}, { config: { deadlines } });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  const socket = connect(port, '127.0.0.1').setEncoding('utf8');
  socket.write(`${POST}\r\n\r\n${BODY.slice(0, 5)}`);
  setTimeout(() => socket.write(BODY.slice(5)), 1_200);
  t.match(await text(socket), /^HTTP\/1\.1 422 /);
});

t.test(
  'a client that disconnects while it sends a form is not taken for an outage of the database',
  async (t) => {
    const { logger, lines } = captureLog();
    const app = await build(t, {}, { logger });
    await app.listen({ host: '127.0.0.1', port: 0 });
    const { port } = app.server.address() as AddressInfo;
    const socket = connect(port, '127.0.0.1');
    socket.write(`${POST}\r\n\r\n${BODY.slice(0, 5)}`);
    await waitFor(() => lines().some(({ msg }) => msg === 'incoming request'), 'the request has begun');
    socket.destroy();
    await waitFor(() => lines().some(({ code }) => code === 'ECONNRESET'), 'it is refused');
    t.same(
      lines().filter(({ level }) => level === 50),
      [],
    );
  },
);
