import { MessageChannel } from 'node:worker_threads';
import fp from 'fastify-plugin';
import pLimit from 'p-limit';
import { Piscina } from 'piscina';
import type { Images, Markdown, People, Rendered, TextKind } from '../domain/markdown/text.ts';
import type { Task } from '../domain/markdown/thread.ts';
import { Busy, DomainError } from '../errors.ts';

declare module 'fastify' {
  interface FastifyInstance {
    markdown: Markdown;
  }
}

/** So that one text can be rendered while another takes its two seconds. */
const THREADS = 2;

/** Texts that may wait for a thread. */
const MAX_WAITING = 100;

/** How long a text may wait for a thread, including the thread's start. */
const MAX_WAIT_MS = 10_000;

/** How long an idle thread is kept. */
const IDLE_MS = 5 * 60_000;

/** Heap per thread, in MiB. */
const MAX_HEAP = 128;

const TOO_LONG = 'This text takes too long to render. Please simplify it.';
const TOO_LARGE = 'This text is too large when rendered. Please simplify it.';

/**
 * Provides `app.markdown`, which renders on separate threads so that no text blocks other requests. Terminates the thread
 * of a text that takes longer than `config.renderTimeoutMs`. The first text starts the first thread.
 */
export default fp(
  async (app) => {
    const { renderTimeoutMs } = app.config;
    const pool = new Piscina<Task, Rendered | null>({
      filename: new URL('../domain/markdown/thread.ts', import.meta.url).href,
      minThreads: 0,
      maxThreads: THREADS,
      idleTimeout: IDLE_MS,
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP },
      recordTiming: false,
    });
    pool.on('error', (error) => app.log.warn({ err: error }, 'an idle rendering thread failed'));
    // Texts wait here, because the pool does not start a new thread for waiting ones after one was terminated.
    const limiter = pLimit(THREADS);
    const render =
      (kind: TextKind) =>
      async (body: string, people: People = new Map(), images: Images = new Map()) => {
        if (limiter.pendingCount >= MAX_WAITING) throw new Busy();
        const deadline = performance.now() + MAX_WAIT_MS;
        const text = { kind, body, people, images };
        const rendered = await limiter(() => run(pool, text, { deadline, renderTimeoutMs }));
        if (rendered === null) throw new DomainError('unrenderable', TOO_LARGE);
        return rendered;
      };
    app.decorate('markdown', { post: render('post'), comment: render('comment') });
    app.addHook('onClose', () => pool.destroy());
  },
  { name: 'markdown', decorators: { fastify: ['config'] } },
);

/** @param limits.deadline when a thread must have started the text, as `performance.now()` */
async function run(
  pool: Piscina<Task, Rendered | null>,
  text: Omit<Task, 'port'>,
  { deadline, renderTimeoutMs }: { deadline: number; renderTimeoutMs: number },
): Promise<Rendered | null> {
  const wait = deadline - performance.now();
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
