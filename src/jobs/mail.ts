import { deliverMail } from '../domain/mail/deliver.ts';
import { defineJob } from '../plugins/queue.ts';
import { mailQueue } from '../queues.ts';

/** Sends one mail to one person. */
export default defineJob(mailQueue, ({ db, mailer, renderMail, config }, payload, { id }) =>
  deliverMail({ db, mailer, renderMail, baseUrl: config.baseUrl }, id, payload),
);
