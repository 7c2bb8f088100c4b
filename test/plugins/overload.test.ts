import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import t from 'tap';
import { build } from '../support/build.ts';
import { waitFor } from '../support/wait-for.ts';

/** Keeps the event loop from everything else, without CPU time. */
function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** Keeps the event loop behind until it is told to stop. */
async function keepBusy(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    block(60);
    await sleep(1);
  }
}

const SIGNED_IN = { url: '/', headers: { cookie: 'session=x', accept: 'text/html' } };

async function overloaded(app: FastifyInstance, check: () => Promise<void>): Promise<void> {
  const done = new AbortController();
  const busy = keepBusy(done.signal);
  try {
    await waitFor(async () => (await app.inject(SIGNED_IN)).statusCode === 503, 'it is overloaded');
    await check();
  } finally {
    done.abort();
    await busy;
  }
}

t.test('while the event loop is behind, all but cheap requests are refused at once', async (t) => {
  const pageCache = { maxAgeMs: 60_000, maxStaleMs: 60_000, maxBytes: 2 ** 20 };
  const app = await build(t, {}, { config: { maxEventLoopDelayMs: 20, pageCache } });
  await overloaded(app, async () => {
    const refused = await app.inject(SIGNED_IN);
    t.same([refused.statusCode, refused.headers['retry-after']], [503, '5']);
    t.match(refused.body, '<h1>Service unavailable</h1>');
    t.match(refused.body, 'The server is busy');
    const byApi = await app.inject({ url: '/api/v1/posts/', headers: { authorization: 'Bearer x' } });
    t.same([byApi.statusCode, byApi.headers['retry-after']], [503, '5']);
    t.match(byApi.json(), { error: 'service unavailable' });

    for (const url of ['/', '/health/live', '/health/ready', '/health', '/metrics'])
      t.equal((await app.inject(url)).statusCode, 200, url);
  });
});

t.test('a process that took long to start serves at once', async (t) => {
  const app = await build(t, {}, { config: { maxEventLoopDelayMs: 20 } });
  block(1_100);
  await waitFor(() => app.isUnderPressure(), 'the delay is measured');
  t.equal((await app.inject(SIGNED_IN)).statusCode, 200);
});
