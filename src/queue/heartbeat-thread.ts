import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { connectionTo } from '../database/connection.ts';
import { preparing } from '../database/prepared-statements.ts';
import type { Schema } from '../database/schema.ts';
import type { Beat, Report, ThreadData } from './heartbeat.ts';
import { keepClaims } from './jobs-table.ts';
import { beat, PRESENCE_SECONDS } from './presence.ts';

// The thread of `Heartbeat`. It imports little, because every worker starts it.

/** Shorter than usual, so that a silent connection is replaced before a heartbeat is missed. */
const ANSWER_MS = 3_000;

/** A heartbeat that a power cut loses is sent again. */
const COMMIT_ASYNCHRONOUSLY = 'set synchronous_commit = off';

const { databaseUrl, deadlines, workerId, session, report: first }: ThreadData = workerData;

const pool = new pg.Pool({
  ...connectionTo(databaseUrl, deadlines, { name: 'pennypost heartbeat' }),
  query_timeout: ANSWER_MS,
  max: 1,
  async onConnect(client) {
    client.on('error', () => {}); // The next heartbeat reports it.
    for (const statement of [COMMIT_ASYNCHRONOUSLY, ...session]) await client.query(statement);
  },
});
pool.on('error', () => {});
const db = new Kysely<Schema>({ dialect: new PostgresDialect({ pool: preparing(pool) }) });

/** The newest. If the worker is blocked, it stays, without the jobs that are lost. */
let report = first;
parentPort?.on('message', (next: Report) => {
  report = next;
});

async function tryToBeat(): Promise<Beat> {
  const { held, hasPolled } = report;
  report = { held, hasPolled: false };
  try {
    const lost = held.length === 0 ? [] : await keepClaims(db, held);
    const running = held
      .filter((job) => job.isStarted && !lost.includes(job))
      .map(({ jobId, queue, attempt, claimedAt }) => ({
        id: jobId,
        queue,
        attempt,
        startedAt: claimedAt.toISOString(),
      }));
    const paused = await beat(db, workerId, { running, hasPolled });
    if (report.held === held) report = { ...report, held: held.filter((job) => !lost.includes(job)) };
    return { lost, paused };
  } catch (error) {
    const { message, code } = error as Error & { code?: unknown };
    return { failure: { message, code } };
  }
}

for (;;) {
  parentPort?.postMessage(await tryToBeat());
  await sleep(PRESENCE_SECONDS * 1000);
}
