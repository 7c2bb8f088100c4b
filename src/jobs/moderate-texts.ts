import { setTextsDisabled } from '../domain/moderation/texts.ts';
import { moderateTextsQueue } from '../queue/contracts.ts';
import { defineJob } from '../queue/job.ts';

/** Hides everything a person wrote, or shows it again. */
export default defineJob(moderateTextsQueue, ({ db }, payload, { signal }) =>
  setTextsDisabled(db, payload, { signal }),
);
