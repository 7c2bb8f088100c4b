import nodemailer from 'nodemailer';

/** A nodemailer pool as large as the worker's that sends ready-made messages and records nothing. */
const { SMTP_URL = '', WORKER_CONCURRENCY = '', BODIES = '' } = process.env;
const body: { text: string; html: string } = JSON.parse(BODIES);
const transport = nodemailer.createTransport({
  url: SMTP_URL,
  pool: true,
  maxConnections: Number(WORKER_CONCURRENCY),
});
process.on('message', async (question) => {
  const sending = Array.from({ length: Number(question) }, (_, n) =>
    transport.sendMail({
      messageId: `<bare-${n}@localhost>`,
      from: 'Pennypost <no-reply@localhost>',
      to: `person${n}@example.com`,
      subject: '[Pennypost] Confirm Your Account',
      ...body,
    }),
  );
  await Promise.all(sending);
  process.send?.(process.memoryUsage.rss());
});
process.on('SIGTERM', () => process.exit());
process.send?.('ready');
