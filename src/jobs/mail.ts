import { deliverMail } from '../domain/mail/deliver.ts';
import { defineJob } from '../plugins/queue/job.ts';
import { mailQueue } from '../queues.ts';

/** Sends one mail to one person. */
export default defineJob(
  mailQueue,
  ({ db, mailStore, mailer, renderMail, config }, payload, { id, signal, afterwards }) =>
    deliverMail(
      {
        db,
        prepare: mailStore.prepare,
        record: (delivery) => afterwards(() => mailStore.record(delivery)),
        mailer,
        renderMail,
        baseUrl: config.baseUrl,
      },
      { id, signal },
      payload,
    ),
);
