import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import { PgBoss } from 'pg-boss';
import { queueContracts } from '../../src/all-queues.ts';
import { buildApp } from '../../src/app.ts';
import { loadConfig } from '../../src/config.ts';
import { type QueueContract, synchroniseQueues } from '../../src/queue/index.ts';
import { mailQueue } from '../../src/queues.ts';
import { benchCrowd } from './crowd.ts';
import { Helper } from './helper.ts';
import { MailSink } from './mail-sink.ts';
import { noopQueue } from './noop.ts';
import { type Bench, percentile, type Row } from './table.ts';

const NOOPS = 20_000;
const MAILS = 10_000;
const PINGS = 300;
const BATCH = 1_000;

/** The queue against bare pg-boss, mail against a bare nodemailer pool, and how long a mail takes when all is idle. */
export async function benchJobs(bench: Bench): Promise<Row[]> {
  const databaseUrl = await bench.databaseUrl('jobs');
  const sink = await MailSink.start();
  const env = { DATABASE_URL: databaseUrl, SMTP_URL: sink.url, LOG_LEVEL: 'error', WORKER_CONCURRENCY: '10' };
  const app = buildApp(loadConfig(env), { role: 'command' });
  await app.ready();
  await createQueues(app, databaseUrl);
  await addPeople(app);
  try {
    const rows = await measure(app, sink, env);
    return [...rows, ...(await benchCrowd(app, databaseUrl))];
  } finally {
    await app.close();
    await sink.close();
  }
}

async function measure(app: FastifyInstance, sink: MailSink, env: Record<string, string>): Promise<Row[]> {
  const bareNoops = await drainNoopsWith('bare-queue', app, env);
  const mailsByHand = await drainMailsByHand(app, sink, env);
  await using worker = await Helper.start('worker', env);
  const noops = await drain(app, noopQueue, NOOPS, (n) => ({ n }));

  const { rate: bareMails, rss: bareRss } = await sendBareMails(app, sink, env);
  const mails = await drainMails(app, sink);
  const rss = Number(await worker.ask('rss'));
  const latencies = await ping(app, sink, (userId) =>
    app.queue.send(mailQueue, { template: 'confirm-account', userId }, { db: app.db }),
  );
  const bareLatencies = await pingBareListener(app, sink, env);
  return [
    {
      what: `${NOOPS.toLocaleString('en')} jobs that do nothing`,
      value: noops,
      unit: 'jobs/s',
      reference: { what: 'bare pg-boss in batches of 200', value: bareNoops },
    },
    {
      what: `${MAILS.toLocaleString('en')} mails over SMTP`,
      value: mails,
      unit: 'mails/s',
      reference: { what: 'a bare nodemailer pool', value: bareMails },
    },
    {
      what: 'the same',
      value: mails,
      unit: 'mails/s',
      reference: { what: "by hand: pg-boss's work(), same statements", value: mailsByHand },
    },
    {
      what: 'worker memory after both',
      value: rss / 2 ** 20,
      unit: 'MB',
      reference: { what: 'the bare nodemailer pool', value: bareRss / 2 ** 20 },
    },
    ...[0.5, 0.99].map((share) => ({
      what: `idle, enqueue to SMTP, p${share * 100}`,
      value: percentile(latencies, share),
      unit: 'ms',
      reference: { what: 'NOTIFY to SMTP, by hand', value: percentile(bareLatencies, share) },
    })),
  ];
}

async function createQueues({ db, config }: FastifyInstance, databaseUrl: string): Promise<void> {
  const boss = new PgBoss({
    connectionString: databaseUrl,
    migrate: false,
    supervise: false,
    schedule: false,
  });
  await boss.start();
  await synchroniseQueues({ boss, db }, [...queueContracts, noopQueue], config.siteTimeZone);
  await boss.stop();
}

async function addPeople({ db }: FastifyInstance): Promise<void> {
  await sql`
    insert into users (email, username, password_hash, role)
    select 'person' || n || '@example.com', 'person' || n, 'none', 'User' from generate_series(1, ${MAILS}::int) as n
  `.execute(db);
}

/** Starts a worker by its name, has it empty the queue, and stops it. */
async function drainNoopsWith(name: string, app: FastifyInstance, env: Record<string, string>) {
  await using _worker = await Helper.start(name, env);
  return await drain(app, noopQueue, NOOPS, (n) => ({ n }));
}

/**
 * Enqueues jobs that all appear at once, and waits for their end.
 *
 * @returns jobs a second, from the first that was taken to the last that was done
 */
async function drain<Payload extends object>(
  app: FastifyInstance,
  contract: QueueContract<Payload>,
  count: number,
  payloadOf: (n: number) => Payload,
): Promise<number> {
  await sql`delete from pgboss.job where name = ${contract.name}`.execute(app.db);
  await app.db.transaction().execute(async (trx) => {
    for (let start = 1; start <= count; start += BATCH) {
      const payloads = Array.from({ length: BATCH }, (_, index) => payloadOf(start + index));
      await app.queue.sendAll(contract, payloads, { db: trx });
    }
    await sql`analyze pgboss.job`.execute(trx);
  });
  for (;;) {
    const { rows } = await sql<{ done: number; seconds: number }>`
      select count(completed_on)::int as done,
             extract(epoch from max(completed_on) - min(started_on))::float as seconds
      from pgboss.job where name = ${contract.name} and state = 'completed'
    `.execute(app.db);
    if (rows[0]?.done === count) return count / rows[0].seconds;
    await sleep(250);
  }
}

/** Sends the very messages of the mail job, ready-made. @returns mails a second, and the memory it took in bytes */
async function sendBareMails(app: FastifyInstance, sink: MailSink, env: Record<string, string>) {
  await using mailer = await Helper.start('bare-mailer', { ...env, BODIES: bodiesOf(app) });
  const startedAt = performance.now();
  const rss = Number(await mailer.ask(String(MAILS)));
  const rate = (MAILS / (performance.now() - startedAt)) * 1000;
  sink.count = 0;
  return { rate, rss };
}

/** Has the job written by hand send the mails. @returns mails a second */
async function drainMailsByHand(app: FastifyInstance, sink: MailSink, env: Record<string, string>) {
  const bodies = bodiesOf(app, { username: '{username}', url: '{url}' });
  await using _worker = await Helper.start('mail-by-hand', { ...env, BODIES: bodies });
  const rate = await drainMails(app, sink);
  await sql`truncate mailed_tokens, mail_deliveries`.execute(app.db);
  sink.count = 0;
  return rate;
}

async function drainMails(app: FastifyInstance, sink: MailSink): Promise<number> {
  const { rows } = await sql<{ first: number }>`select min(id)::int as first from users`.execute(app.db);
  const first = rows[0]?.first ?? 1;
  const rate = await drain(app, mailQueue, MAILS, (n) => ({
    template: 'confirm-account' as const,
    userId: first + n - 1,
  }));
  if (sink.count !== MAILS) throw new Error(`${sink.count} mails arrived, not ${MAILS}`);
  return rate;
}

/** One mail at a time to an idle worker. @returns how long each took from its enqueueing to the server, ms */
async function ping(
  app: FastifyInstance,
  sink: MailSink,
  enqueue: (userId: number) => Promise<unknown>,
): Promise<number[]> {
  const { rows } = await sql<{ id: number }>`select id from users limit ${PINGS}`.execute(app.db);
  const latencies: number[] = [];
  for (const { id } of rows) {
    const arrival = sink.next();
    const startedAt = performance.now();
    await enqueue(id);
    await arrival;
    latencies.push(performance.now() - startedAt);
    await sleep(20);
  }
  return latencies;
}

/** The same with a process that records nothing: it gets the recipient by NOTIFY, and sends a ready-made message. */
async function pingBareListener(app: FastifyInstance, sink: MailSink, env: Record<string, string>) {
  await using _listener = await Helper.start('bare-listener', { ...env, BODIES: bodiesOf(app) });
  return await ping(app, sink, (id) =>
    sql`select pg_notify('mail', ${`person${id}@example.com`})`.execute(app.db),
  );
}

/** The texts of the mail that is measured. */
function bodiesOf(
  app: FastifyInstance,
  { username = 'person', url = `http://localhost:3000/auth/confirm/${'x'.repeat(43)}` } = {},
): string {
  return JSON.stringify(app.renderMail('confirm-account', { username, url }));
}
