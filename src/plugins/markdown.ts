import { MessageChannel } from 'node:worker_threads';
import fp from 'fastify-plugin';
import pLimit from 'p-limit';
import { Piscina } from 'piscina';
import type { Markdown, TextKind } from '../domain/markdown/render.ts';
import type { Task } from '../domain/markdown/thread.ts';
import { Busy, DomainError } from '../errors.ts';

declare module 'fastify' {
  interface FastifyInstance {
    markdown: Markdown;
  }
}

/** One text may be rendered while another takes its two seconds. */
const THREADS = 2;

/** How many texts may wait for a thread. */
const MOST_WAITING = 100;

/** How long a text may wait for a thread, the start of the thread included. */
const LONGEST_WAIT_MS = 10_000;

/** How long a thread is kept without work. */
const IDLE_MS = 5 * 60_000;

/** Of a thread, in MiB. */
const LARGEST_HEAP = 128;

const TOO_LONG = 'This text takes too long to render. Please simplify it.';
const TOO_LARGE = 'This text is too large when rendered. Please simplify it.';

/**
 * `app.markdown`: renders on threads of its own, so that no text holds up other requests, and ends the thread of a text
 * that takes longer than `config.renderTimeoutMs`. The first text starts the first thread.
 */
export default fp(
  async (app) => {
    const { renderTimeoutMs } = app.config;
    const pool = new Piscina<Task, string | null>({
      filename: new URL('../domain/markdown/thread.ts', import.meta.url).href,
      minThreads: 0,
      maxThreads: THREADS,
      idleTimeout: IDLE_MS,
      resourceLimits: { maxOldGenerationSizeMb: LARGEST_HEAP },
      recordTiming: false,
    });
    pool.on('error', (error) => app.log.warn({ err: error }, 'an idle rendering thread failed'));
    // Texts wait here and not in the pool, which starts no new thread for them when one was ended.
    const limiter = pLimit(THREADS);
    const render = (kind: TextKind) => async (body: string) => {
      if (limiter.pendingCount >= MOST_WAITING) throw new Busy();
      const latest = performance.now() + LONGEST_WAIT_MS;
      const html = await limiter(() => run(pool, { kind, body }, { latest, renderTimeoutMs }));
      if (html === null) throw new DomainError('unrenderable', TOO_LARGE);
      return { body, html };
    };
    app.decorate('markdown', { post: render('post'), comment: render('comment') });
    app.addHook('onClose', () => pool.destroy());
  },
  { name: 'markdown', decorators: { fastify: ['config'] } },
);

/** @param limits `latest`: when a thread must have begun, on the clock of `performance.now()` */
async function run(
  pool: Piscina<Task, string | null>,
  text: Omit<Task, 'port'>,
  { latest, renderTimeoutMs }: { latest: number; renderTimeoutMs: number },
): Promise<string | null> {
  const wait = latest - performance.now();
  if (wait <= 0) throw new Busy();
  const { port1, port2 } = new MessageChannel();
  const abort = new AbortController();
  let refusal: DomainError = new Busy();
  let timer = setTimeout(() => abort.abort(), wait);
  port1.once('message', () => {
    refusal = new DomainError('unrenderable', TOO_LONG);
    clearTimeout(timer);
    timer = setTimeout(() => abort.abort(), renderTimeoutMs);
  });
  try {
    return await pool.run({ ...text, port: port2 }, { transferList: [port2], signal: abort.signal });
  } catch (error) {
    throw abort.signal.aborted || isOutOfMemory(error) ? refusal : error;
  } finally {
    clearTimeout(timer);
    port1.close();
  }
}

function isOutOfMemory(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY';
}
