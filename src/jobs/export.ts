import { writeExport } from '../domain/exports/write.ts';
import { exportQueue } from '../queue/contracts.ts';
import { defineJob } from '../queue/job.ts';

/** Writes one person's export, and enqueues the mail with its link. */
export default defineJob(exportQueue, ({ db, queue }, { exportId }, { signal, progress }) =>
  writeExport({ db, queue }, exportId, { signal, progress }),
);
