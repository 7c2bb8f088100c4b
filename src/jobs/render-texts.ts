import { renderOldTexts } from '../domain/markdown/render-again.ts';
import { defineJob } from '../queue/index.ts';
import { renderTextsQueue } from '../queues.ts';

/** Renders texts that an older release has rendered. */
export default defineJob(renderTextsQueue, ({ db, queue, markdown }, _payload, { signal, progress }) =>
  renderOldTexts({ db, queue, markdown }, { signal, progress }),
);
