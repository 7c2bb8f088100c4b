import { writeExport } from '../domain/exports/write.ts';
import { defineJob } from '../plugins/queue/job.ts';
import { exportQueue } from '../queues.ts';

/** Writes one person's export, and enqueues the mail with its link. */
export default defineJob(exportQueue, ({ db, queue }, { exportId }, { signal }) =>
  writeExport({ db, queue }, exportId, { signal }),
);
