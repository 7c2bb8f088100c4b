import { sendDigests } from '../domain/digests/send.ts';
import { defineJob } from '../queue/index.ts';
import { digestQueue } from '../queues.ts';

/** Enqueues last week's digest for everyone who wants it. */
export default defineJob(
  digestQueue,
  async (
    { db, queue, config: { siteTimeZone: timeZone } },
    _payload,
    { id, signal, progress, keep, log },
  ) => {
    const mails = await sendDigests({ db, queue }, { timeZone, batchId: id, signal, progress });
    keep({ mails });
    log.info({ mails }, 'digests enqueued');
  },
);
