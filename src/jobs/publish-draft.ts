import { publishDueDraft } from '../domain/drafts/publish-due.ts';
import { defineJob } from '../queue/index.ts';
import { publishDraftQueue } from '../queues.ts';

/** Publishes one draft at the time for which it is scheduled. */
export default defineJob(publishDraftQueue, ({ db, queue, markdown }, due) =>
  publishDueDraft({ db, queue, markdown }, due),
);
