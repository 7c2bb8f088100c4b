import { deliverMail } from '../domain/mail/deliver.ts';
import { defineJob } from '../queue/index.ts';
import { mailQueue } from '../queues.ts';

/** Sends one mail to one person. The ledger is written after the handler, so that its slot does not wait for the disk. */
export default defineJob(mailQueue, async (app, payload, { id, signal, pass }) => {
  const { db, log, mailer, mailLedger, renderMail, config } = app;
  const takesBounces = config.mailReturnPath !== undefined;
  const delivery = await deliverMail(
    {
      db,
      mailer,
      renderMail,
      baseUrl: config.baseUrl,
      timeZone: config.siteTimeZone,
      takesBounces,
      unanswered: mailLedger.unanswered,
    },
    { id, payload, signal, pass },
  );
  if (delivery !== undefined) return () => mailLedger.record(delivery);
  log.info(
    { jobId: id, template: payload.template },
    'nothing to send: the mail was sent, is not needed or would bounce',
  );
});
