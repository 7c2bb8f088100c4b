import { sendDigests } from '../domain/digests/send.ts';
import { digestQueue } from '../queue/contracts.ts';
import { defineJob } from '../queue/job.ts';

/** Enqueues last week's digest for everyone who wants it. */
export default defineJob(digestQueue, async ({ db, queue, log }, _payload, { signal }) => {
  const mails = await sendDigests({ db, queue }, { signal });
  log.info({ mails }, 'digests enqueued');
});
