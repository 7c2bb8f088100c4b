import { prune } from '../domain/prune.ts';
import { defineJob } from '../plugins/queue/job.ts';
import { pruneQueue } from '../queues.ts';

/** Removes what has expired. */
export default defineJob(pruneQueue, async ({ db, log }, _payload, { signal }) => {
  log.info({ removed: await prune(db, { signal }) }, 'pruned');
});
