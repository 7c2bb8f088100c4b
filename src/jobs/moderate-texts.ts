import { setTextsDisabled } from '../domain/moderation/texts.ts';
import { defineJob } from '../queue/index.ts';
import { moderateTextsQueue } from '../queues.ts';

/** Hides everything a person wrote, or shows it again. */
export default defineJob(moderateTextsQueue, ({ db }, payload, { signal }) =>
  setTextsDisabled(db, payload, { signal }),
);
