import { createHash, randomBytes } from 'node:crypto';
import nodemailer from 'nodemailer';
import pg from 'pg';
import { type Job, PgBoss } from 'pg-boss';

/**
 * The mail job by hand: pg-boss's `work()` with full batches, the same two statements as the application's (the link's token and
 * the ledger), and a nodemailer pool as large as the worker's. Without rate limits, circuit breaker, deadlines, logs and a
 * history of attempts.
 */
const { DATABASE_URL = '', SMTP_URL = '', WORKER_CONCURRENCY = '', BODIES = '' } = process.env;
const concurrency = Number(WORKER_CONCURRENCY);
const body: { text: string; html: string } = JSON.parse(BODIES);
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: concurrency });
const transport = nodemailer.createTransport({ url: SMTP_URL, pool: true, maxConnections: concurrency });

const PREPARE = `
  with written as (
    insert into mailed_tokens (token_hash, user_id, purpose, expires_at)
    values ($1, $2, 'confirm-account', now() + interval '1 hour')
  )
  select email, username, exists (select from mail_deliveries where job_id = $3) as is_delivered from users where id = $2`;
const RECORD = `
  insert into mail_deliveries (job_id, user_id, template, message_id, sent_to, is_refused, response)
  values ($1, $2, 'confirm-account', $3, $4, false, $5)`;

async function deliver({ id, data: { userId } }: Job<{ userId: number }>): Promise<void> {
  const token = randomBytes(32).toString('base64url');
  const values = [createHash('sha256').update(token).digest(), userId, id];
  const [user] = (await pool.query({ name: 'prepare', text: PREPARE, values })).rows;
  if (user.is_delivered) return;
  const url = `http://localhost:3000/auth/confirm/${token}`;
  const fill = (text: string) => text.replaceAll('{url}', url).replaceAll('{username}', user.username);
  const messageId = `<${id}@localhost>`;
  const { response } = await transport.sendMail({
    messageId,
    from: 'Pennypost <no-reply@localhost>',
    to: user.email,
    subject: '[Pennypost] Confirm Your Account',
    text: fill(body.text),
    html: fill(body.html),
  });
  await pool.query({ name: 'record', text: RECORD, values: [id, userId, messageId, user.email, response] });
}

const boss = new PgBoss({ connectionString: DATABASE_URL, migrate: false, supervise: false });
boss.on('error', console.error);
await boss.start();
const options = {
  batchSize: 100,
  perJobResults: true,
  burstWhenBatchFull: true,
  pollingIntervalSeconds: 0.5,
} as const;
await boss.work('mail', options, (jobs: Job<{ userId: number }>[]) =>
  Promise.all(
    jobs.map(async (job) => {
      const error = await deliver(job).catch((error: Error) => error);
      return error === undefined
        ? { id: job.id, status: 'completed' as const }
        : { id: job.id, status: 'failed' as const, output: { message: error.message } };
    }),
  ),
);
process.on('SIGTERM', async () => {
  await boss.stop();
  process.exit();
});
process.send?.('ready');
