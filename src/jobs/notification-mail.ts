import { mailAtOnce } from '../domain/notifications/mail.ts';
import { defineJob } from '../queue/index.ts';
import { notificationMailQueue } from '../queues.ts';

/** Enqueues a mail about what a person wants to be mailed about at once. */
export default defineJob(notificationMailQueue, ({ db, queue }, { userId }) =>
  mailAtOnce({ db, queue }, userId),
);
