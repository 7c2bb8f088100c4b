import { mailDigestSummary } from '../domain/digests/summarise.ts';
import { defineJob } from '../queue/index.ts';
import { digestSummaryQueue } from '../queues.ts';

/** Tells ADMIN_EMAIL how a week's digest went. */
export default defineJob(digestSummaryQueue, async (app, payload, { id, signal, keep }) => {
  const { mailer, renderMail, config } = app;
  const { adminEmail: to, baseUrl } = config;
  keep(payload.counts);
  if (to !== undefined) await mailDigestSummary({ mailer, renderMail, baseUrl, to }, { id, signal }, payload);
});
