import fp from 'fastify-plugin';
import type compareTexts from '../domain/posts/compare.ts';
import type { ComparedTexts, Comparison } from '../domain/posts/compare.ts';
import { Busy } from '../errors.ts';
import { NoFreeThread, type Program, Threads, TimedOut } from '../queue/index.ts';

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

const COMPARE: Program<typeof compareTexts> = {
  url: new URL('../domain/posts/compare.ts', import.meta.url),
};

/** How long a comparison may take. */
const MAX_MS = 5_000;

/**
 * Provides `app.compareTexts`, which runs in its own thread, so that no text blocks other requests or the rendering of new texts.
 * The first comparison starts the thread.
 */
export default fp(
  async (app) => {
    const threads = new Threads(1, (err) => app.log.warn({ err }, 'the idle comparison thread failed'));
    const compute = threads.computeFor();
    app.decorate('compareTexts', (texts) =>
      compute(COMPARE, texts, { timeoutMs: MAX_MS }).catch((error) => {
        throw error instanceof TimedOut || error instanceof NoFreeThread ? new Busy() : error;
      }),
    );
    app.addHook('onClose', () => threads.close());
  },
  { name: 'comparison' },
);
