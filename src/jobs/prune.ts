import { reportDeadLetters } from '../domain/alarms/raise.ts';
import { prune } from '../domain/prune.ts';
import { defineJob } from '../queue/index.ts';
import { pruneQueue } from '../queues.ts';

/** Deletes expired rows and reports dead letters that have not been reported yet. */
export default defineJob(pruneQueue, async ({ db, queue, log, config }, _payload, { signal }) => {
  if ((config.adminEmail ?? config.alertWebhookUrl) !== undefined) await reportDeadLetters({ db, queue });
  log.info({ removed: await prune(db, { signal }) }, 'pruned');
});
