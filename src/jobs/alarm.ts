import { mailAlarm } from '../domain/alarms/mail.ts';
import { defineJob } from '../queue/index.ts';
import { alarmQueue } from '../queues.ts';

/** Reports an error to ADMIN_EMAIL. */
export default defineJob(alarmQueue, async ({ db, mailer, renderMail, config }, { alarmId }, job) => {
  const { adminEmail: to, baseUrl } = config;
  if (to !== undefined) await mailAlarm({ db, mailer, renderMail, baseUrl, to }, job, alarmId);
});
