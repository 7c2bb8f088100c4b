import nodemailer from 'nodemailer';
import pg from 'pg';

/** Sends a ready-made message whenever PostgreSQL announces one. */
const { DATABASE_URL, SMTP_URL = '', BODIES = '' } = process.env;
const body: { text: string; html: string } = JSON.parse(BODIES);
const transport = nodemailer.createTransport({ url: SMTP_URL, pool: true });
const listener = new pg.Client({ connectionString: DATABASE_URL });
await listener.connect();
await listener.query('listen mail');
listener.on('notification', ({ payload = '' }) => {
  void transport.sendMail({
    from: 'Pennypost <no-reply@localhost>',
    to: payload,
    subject: '[Pennypost] Confirm Your Account',
    ...body,
  });
});
process.on('SIGTERM', () => process.exit());
process.send?.('ready');
