import { renderOldTexts } from '../domain/markdown/render-again.ts';
import { renderTextsQueue } from '../queue/contracts.ts';
import { defineJob } from '../queue/job.ts';

/** Renders texts that an older release has rendered. */
export default defineJob(renderTextsQueue, ({ db, queue, markdown }, _payload, { signal, progress }) =>
  renderOldTexts({ db, queue, markdown }, { signal, progress }),
);
