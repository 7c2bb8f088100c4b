import { indexTexts } from '../domain/search/index-texts.ts';
import { indexTextsQueue } from '../queue/contracts.ts';
import { defineJob } from '../queue/job.ts';

/** Indexes all texts for a search in another language. */
export default defineJob(indexTextsQueue, ({ db }, _payload, { signal, progress }) =>
  indexTexts(db, { signal, progress }),
);
