import { deliverMail } from '../domain/mail/deliver.ts';
import { mailQueue } from '../queue/contracts.ts';
import { defineJob } from '../queue/job.ts';

/** Sends one mail to one person. The ledger is written after the handler, so that its slot does not wait for the disk. */
export default defineJob(mailQueue, async (app, payload, { id, signal }) => {
  const { db, log, mailer, mailLedger, renderMail, config } = app;
  const deps = { db, mailer, renderMail, baseUrl: config.baseUrl, unanswered: mailLedger.unanswered };
  const delivery = await deliverMail(deps, { id, payload, signal });
  if (delivery !== undefined) return () => mailLedger.record(delivery);
  log.info({ jobId: id, template: payload.template }, 'nothing to send: the mail was sent or is not needed');
});
