import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import { buildApp } from '../../src/app.ts';
import { loadConfig } from '../../src/config.ts';
import type { Db } from '../../src/database/schema.ts';
import { persist, setLimit, WHOLE_QUEUE } from '../../src/queue/index.ts';
import { mailQueue } from '../../src/queues.ts';
import { FaultyMailServer } from '../../test/support/mail-server.ts';
import type { Scope } from '../../test/support/scope.ts';
import type { Cluster } from '../support/postgres-cluster.ts';
import { enqueueFlows, findFaultsOfFlows, startBatch, WATCHED } from './flows.ts';
import { countDisorder, decide } from './order.ts';
import { WorkerPool } from './workers.ts';

const WORKERS = 3;
const BATCHES = 50;

/** The fraction of attempts that the mail server refuses temporarily. */
const REFUSED = 1 / 3;

/**
 * The fraction of mails that may arrive twice: those that a worker had sent but not yet recorded when it was killed. Nothing can be
 * recorded while the database restarts, so a worker that is killed then repeats all its running jobs.
 */
const DUPLICATES_ALLOWED = 0.005;
const RESTARTS = ['fast', 'immediate'] as const;

/** Every fifth mail goes to a domain with its own limit. */
const SLOW_DOMAIN = 'slow.example';
const SLOW_SHARE = 5;

/** How long the last mail may take. The delays between retries grow to minutes. */
const MAX_WAIT_MS = 10 * 60_000;

/**
 * Sends mail for some seconds, while a worker is killed every second or two and the database restarts twice, once as after
 * a power cut. Limits on the queue and on a domain must hold, flows and jobs in order must keep their order, and nothing may
 * be lost.
 *
 * @returns the broken promises, one line each
 */
export async function torture(
  scope: Scope,
  cluster: Cluster,
  { mails, seconds, kills }: { mails: number; seconds: number; kills: number },
  report: (line: string) => void,
): Promise<string[]> {
  const server = await FaultyMailServer.start(scope);
  server.plan = (stage) => (stage === 'RCPT' && Math.random() < REFUSED ? { code: 451 } : undefined);
  const env = { DATABASE_URL: cluster.url('postgres'), SMTP_URL: server.url, LOG_LEVEL: 'fatal' };
  const app = buildApp(loadConfig(env), { role: 'command' });
  await app.ready();
  const workers = await WorkerPool.start(WORKERS, env);
  try {
    await addPeople(app, mails);
    const limits = await setLimits(app, { mails, seconds });
    const before = await tableSize(app.db);
    const killing = workers.killRegularly(kills);
    const restarting = restartTwice(cluster, seconds, report);
    await enqueueFlows(app);
    await enqueueOver(app, { mails, seconds });
    await restarting;
    await sleep(2_000);
    await killing.stop();
    report(`${mails} mails enqueued, ${workers.killed} workers killed, the database restarted twice.`);
    await untilEmpty(app, report);
    return [
      ...(await findFaults(app, { server, mails, workers, before, limits }, report)),
      ...(await findFaultsOfFlows(app.db, mails, report)),
    ];
  } finally {
    await workers.stop();
    await app.close();
  }
}

async function addPeople({ db }: FastifyInstance, count: number): Promise<void> {
  await sql`
    insert into users (email, username, password_hash, role)
    select 'person' || n || '@' || case when n % ${SLOW_SHARE}::int = 0 then ${SLOW_DOMAIN} else 'example.com' end, 'person' || n, 'none', 'User' from generate_series(1, ${count}::int) as n
  `.execute(db);
}

/** How many mails may be sent per second. */
interface Limits {
  readonly all: number;
  readonly slow: number;
}

/** Limits mail to about twice what is enqueued, so that only the bursts after a restart or a kill are limited. */
async function setLimits({ db }: FastifyInstance, { mails, seconds }: { mails: number; seconds: number }) {
  const all = Math.ceil((2 * mails) / seconds);
  const slow = Math.ceil(all / SLOW_SHARE);
  const { name: queue } = mailQueue;
  await setLimit(db, { queue, key: WHOLE_QUEUE, rate: `${all}/second` });
  await setLimit(db, { queue, key: SLOW_DOMAIN, rate: `${slow}/second` });
  return { all, slow };
}

/**
 * Enqueues the mails in batches, spread over the time. A batch interrupted by a restart is retried as a whole, unless its
 * transaction has committed: a restart right after the commit looks like a failure.
 */
async function enqueueOver(
  app: FastifyInstance,
  { mails, seconds }: { mails: number; seconds: number },
): Promise<void> {
  const ids = (await app.db.selectFrom('users').select('id').execute()).map(({ id }) => id);
  const size = Math.ceil(mails / BATCHES);
  const all = await startBatch(app);
  for (let start = 0; start < ids.length; start += size) {
    const batch = ids.slice(start, start + size);
    const payloads = batch.map((userId) => ({ template: 'confirm-account' as const, userId }));
    await persist(() =>
      app.db.transaction().execute(async (trx) => {
        if (await isAnyEnqueued(trx, batch)) return;
        await app.queue.sendAll(mailQueue, payloads, { db: trx, batch: all });
      }),
    );
    await decide(app);
    await sleep((seconds * 1000) / BATCHES);
  }
  await persist(() => app.queue.closeBatch(all, { db: app.db }));
}

async function isAnyEnqueued(db: Db, userIds: readonly number[]): Promise<boolean> {
  const { rows } = await sql`
    select from pgboss.job
    where name = ${mailQueue.name} and (data->>'userId')::int = any(${[...userIds]}::int[])
    limit 1
  `.execute(db);
  return rows.length > 0;
}

async function restartTwice(cluster: Cluster, seconds: number, report: (line: string) => void) {
  for (const mode of RESTARTS) {
    await sleep((seconds * 1000) / 3);
    await cluster.restart(mode);
    report(mode === 'fast' ? 'The database was restarted.' : 'The database crashed and came back.');
  }
}

/** Waits for the last mail. Runs deferred jobs now, as an operator could, instead of waiting for their retries. */
async function untilEmpty(
  { db, queueAdmin }: FastifyInstance,
  report: (line: string) => void,
): Promise<void> {
  const deadline = Date.now() + MAX_WAIT_MS;
  for (let round = 0; Date.now() < deadline; round += 1) {
    const { rows } = await sql<{ left: number }>`
      select count(*)::int as left from pgboss.job where name = any(${WATCHED}) and state in ('created', 'retry', 'active')
    `.execute(db);
    const left = rows[0]?.left ?? 0;
    if (left === 0) return;
    if (round % 5 === 0) report(`${left} jobs to go.`);
    await queueAdmin.act(db, 'run', { queues: WATCHED });
    await sleep(1_000);
  }
}

async function findFaults(
  { db, config }: FastifyInstance,
  {
    server,
    mails,
    workers,
    before,
    limits,
  }: { server: FaultyMailServer; mails: number; workers: WorkerPool; before: number; limits: Limits },
  report: (line: string) => void,
): Promise<string[]> {
  const { rows } = await sql<{ state: string; count: number }>`
    select state::text, count(*)::int from pgboss.job where name in ('mail', 'mail.dead') group by state
  `.execute(db);
  const states = Object.fromEntries(rows.map(({ state, count }) => [state, count]));
  const duplicates = server.accepted.length - server.distinct;
  const memory = await workers.memory();
  const growth = (await tableSize(db)) - before;
  report(`${server.distinct} of ${mails} mails arrived, ${server.refused} attempts were refused.`);
  report(`${duplicates} arrived twice (${((100 * duplicates) / mails).toFixed(2)} %).`);
  report(`The workers hold ${memory.map((bytes) => `${Math.round(bytes / 2 ** 20)} MB`).join(', ')}.`);
  report(`The job table grew by ${(growth / mails / 1024).toFixed(1)} kB a mail.`);

  const { decisions, broken } = await countDisorder(db);
  report(`${decisions} jobs were worked in order.`);

  const faults: string[] = [];
  if (broken > 0) faults.push(`${broken} of ${decisions} jobs were worked out of order`);
  if (server.distinct !== mails) faults.push(`${mails - server.distinct} mails were lost`);
  const inHand = RESTARTS.length * config.workerConcurrency;
  if (duplicates > Math.max(inHand, mails * DUPLICATES_ALLOWED))
    faults.push(`${duplicates} mails arrived twice`);
  if (states.completed !== mails) faults.push(`the queue did not end well: ${JSON.stringify(states)}`);
  const most = {
    all: mostInASecond(server.accepted),
    slow: mostInASecond(server.accepted.filter(({ to }) => to.endsWith(SLOW_DOMAIN))),
  };
  report(`At most ${most.all} arrived in a second under a limit of ${limits.all},`);
  report(`and ${most.slow} in ${SLOW_DOMAIN} under one of ${limits.slow}.`);
  const running = WORKERS * config.workerConcurrency; // A job may have started a while before its mail arrives.
  for (const limit of ['all', 'slow'] as const) {
    if (most[limit] > 2 * limits[limit] + running) faults.push(`the limit of ${limits[limit]} was exceeded`);
  }
  return faults;
}

function mostInASecond(mails: FaultyMailServer['accepted']): number {
  let first = 0;
  return mails.reduce((most, { at }, index) => {
    while ((mails[first]?.at ?? at) <= at - 1_000) first += 1;
    return Math.max(most, index - first + 1);
  }, 0);
}

async function tableSize(db: FastifyInstance['db']): Promise<number> {
  const { rows } = await sql<{ size: number }>`
    select pg_total_relation_size('pgboss.job_common')::float as size
  `.execute(db);
  return rows[0]?.size ?? 0;
}
