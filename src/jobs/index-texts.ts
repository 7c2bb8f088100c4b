import { indexTexts } from '../domain/search/index-texts.ts';
import { defineJob } from '../queue/index.ts';
import { indexTextsQueue } from '../queues.ts';

/** Indexes all texts for a search in another language. */
export default defineJob(indexTextsQueue, ({ db }, _payload, { signal, progress }) =>
  indexTexts(db, { signal, progress }),
);
