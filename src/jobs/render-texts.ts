import { renderOldTexts } from '../domain/markdown/render-again.ts';
import { markdownRenderer } from '../domain/markdown/renderer.ts';
import { defineJob } from '../queue/index.ts';
import { renderTextsQueue } from '../queues.ts';

/** Renders texts that an older release has rendered. Those that people wait for have their own threads. */
export default defineJob(
  renderTextsQueue,
  ({ db, queue, config }, _payload, { compute, signal, progress }) => {
    const markdown = markdownRenderer(compute, config.renderTimeoutMs);
    return renderOldTexts({ db, queue, markdown }, { signal, progress });
  },
);
