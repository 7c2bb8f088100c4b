import { deliverMail } from '../domain/mail/deliver.ts';
import { prepareMails } from '../domain/mail/prepare.ts';
import { mailQueue } from '../queue/contracts.ts';
import { defineJobWith } from '../queue/job.ts';

/** Sends one mail to one person. */
export default defineJobWith(
  mailQueue,
  ({ db }, jobs) => prepareMails(db, jobs),
  ({ db, mailer, mailLedger, renderMail, config }, payload, { id, signal, afterwards }, prepared) =>
    deliverMail(
      {
        db,
        mailer,
        record: (delivery) => afterwards(() => mailLedger.record(delivery)),
        renderMail,
        baseUrl: config.baseUrl,
      },
      { id, payload, prepared, signal },
    ),
);
