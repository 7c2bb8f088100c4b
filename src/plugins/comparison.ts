import fp from 'fastify-plugin';
import { Piscina } from 'piscina';
import type { ComparedTexts, Comparison } from '../domain/posts/compare.ts';
import { Busy } from '../errors.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * Compares two versions of a text.
     *
     * @throws Busy
     */
    compareTexts(texts: ComparedTexts): Promise<Comparison>;
  }
}

/** Comparisons that may wait for the thread. */
const MAX_WAITING = 20;

/** How long one may take, waiting included. */
const MAX_MS = 10_000;

/** How long the idle thread is kept. */
const IDLE_MS = 5 * 60_000;

/** Heap of the thread, in MiB. */
const MAX_HEAP = 128;

/**
 * Provides `app.compareTexts`, which works on a thread of its own, so that no text blocks other requests or the rendering of
 * new texts. The first comparison starts it.
 */
export default fp(
  async (app) => {
    const pool = new Piscina<ComparedTexts, Comparison>({
      filename: new URL('../domain/posts/compare.ts', import.meta.url).href,
      name: 'compareTexts',
      minThreads: 0,
      maxThreads: 1,
      idleTimeout: IDLE_MS,
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP },
      recordTiming: false,
    });
    pool.on('error', (error) => app.log.warn({ err: error }, 'the idle comparing thread failed'));
    app.decorate('compareTexts', async (texts) => {
      if (pool.queueSize >= MAX_WAITING) throw new Busy();
      const signal = AbortSignal.timeout(MAX_MS);
      try {
        return await pool.run(texts, { signal });
      } catch (error) {
        throw signal.aborted ? new Busy() : error;
      }
    });
    app.addHook('onClose', () => pool.destroy());
  },
  { name: 'comparison' },
);
