import { mailDaily } from '../domain/notifications/mail.ts';
import { defineJob } from '../queue/index.ts';
import { dailyNotificationsQueue } from '../queues.ts';

/** Enqueues the mails of those who want to be mailed about notifications daily. */
export default defineJob(dailyNotificationsQueue, async ({ db, queue, log }, _payload, { signal }) => {
  const mails = await mailDaily({ db, queue }, { signal });
  log.info({ mails }, 'daily notifications enqueued');
});
