import { postAlarm } from '../domain/alarms/post.ts';
import { defineJob } from '../queue/index.ts';
import { alarmWebhookQueue } from '../queues.ts';

/** Reports an error to ALERT_WEBHOOK_URL. */
export default defineJob(alarmWebhookQueue, async ({ db, config }, { alarmId }, { signal }) => {
  const { alertWebhookUrl: to, baseUrl } = config;
  if (to !== undefined) await postAlarm({ db, baseUrl, to }, alarmId, { signal });
});
