import { runImport } from '../domain/imports/run.ts';
import { defineJob } from '../queue/index.ts';
import { importQueue } from '../queues.ts';

/** Imports one person's export from another site, and enqueues the mail that says so. */
export default defineJob(importQueue, ({ db, queue, markdown, config }, { importId }, { signal, progress }) =>
  runImport({ db, queue, markdown }, importId, { quota: config.imageQuotaMb * 2 ** 20, signal, progress }),
);
