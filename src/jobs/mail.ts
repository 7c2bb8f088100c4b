import { deliverMail } from '../domain/mail/deliver.ts';
import { defineJob } from '../plugins/queue/job.ts';
import { mailQueue } from '../queues.ts';

/** Sends one mail to one person. */
export default defineJob(mailQueue, ({ db, mailer, renderMail, config }, payload, { id, signal }) =>
  deliverMail({ db, mailer, renderMail, baseUrl: config.baseUrl }, { id, signal }, payload),
);
