import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { markdownRenderer } from '../domain/markdown/renderer.ts';
import type { Markdown, Renderer } from '../domain/markdown/text.ts';
import { Threads } from '../queue/index.ts';
import { withoutDatabase } from './work.ts';

declare module 'fastify' {
  interface FastifyInstance {
    markdown: Markdown;
  }
}

/** Two, so that one text can be rendered while another takes its two seconds. */
const THREADS = 2;

/**
 * Provides `app.markdown`, which renders in separate threads, so that no text blocks other requests. A text that takes longer than
 * `config.renderTimeoutMs` is terminated with its thread. The first text starts the first thread.
 *
 * @param options.threads default: the app's own threads
 */
export default fp(
  async (app, { threads = startThreads(app) }: { threads?: Threads | undefined }) => {
    const { by, ...others } = markdownRenderer(threads.computeFor(), app.config.renderTimeoutMs);
    const untimed = ({ post, comment }: Renderer): Renderer => ({
      post: (...text) => withoutDatabase(app, () => post(...text)),
      comment: (...text) => withoutDatabase(app, () => comment(...text)),
    });
    app.decorate('markdown', { ...untimed(others), by: (writerId) => untimed(by(writerId)) });
  },
  { name: 'markdown', dependencies: ['work'], decorators: { fastify: ['config'] } },
);

function startThreads(app: FastifyInstance): Threads {
  const threads = new Threads(THREADS, (err) => app.log.warn({ err }, 'an idle rendering thread failed'));
  app.addHook('onClose', () => threads.close());
  return threads;
}
