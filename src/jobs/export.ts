import { writeExport } from '../domain/exports/write.ts';
import { defineJob } from '../queue/index.ts';
import { exportQueue } from '../queues.ts';

/** Writes one person's export, and enqueues the mail with its link. */
export default defineJob(exportQueue, ({ db, queue }, { exportId }, { signal, progress }) =>
  writeExport({ db, queue }, exportId, { signal, progress }),
);
