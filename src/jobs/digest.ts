import { sendDigests } from '../domain/digests/send.ts';
import { digestQueue } from '../queue/contracts.ts';
import { defineJob } from '../queue/job.ts';

/** Enqueues last week's digest for everybody who wants one. */
export default defineJob(digestQueue, async ({ db, queue, log }, _payload, { signal }) => {
  const mails = await sendDigests({ db, queue }, { signal });
  log.info({ mails }, 'digests enqueued');
});
