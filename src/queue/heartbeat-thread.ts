import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import pg from 'pg';
import { connectionTo } from './connection.ts';
import type { Beat, Report, ThreadData } from './heartbeat.ts';
import { beat, keepClaims } from './heartbeat-statements.ts';

// The thread of `Heartbeat`. It imports little, because every worker starts one: starting it takes 60 ms of CPU time, and would
// take 200 ms with Kysely.

/** A short timeout, so that a silent connection is replaced before a heartbeat is missed. */
const ANSWER_MS = 3_000;

/** A heartbeat that is lost in a power cut is sent again. */
const COMMIT_ASYNCHRONOUSLY = 'set synchronous_commit = off';

const { connection, workerId, session, everyMs, report: first }: ThreadData = workerData;

const pool = new pg.Pool({
  ...(await connectionTo(connection, 'heartbeat')),
  query_timeout: ANSWER_MS,
  max: 1,
  async onConnect(client) {
    client.on('error', () => {}); // The next heartbeat reports it.
    for (const statement of [COMMIT_ASYNCHRONOUSLY, ...session]) await client.query(statement);
  },
});
pool.on('error', () => {});

/** The newest report. While the worker is blocked, it stays the same. */
let report = first;
let reportedAt = performance.now();
parentPort?.on('message', (next: Report) => {
  report = next;
  reportedAt = performance.now();
});

async function tryToBeat(): Promise<Beat> {
  const { held, hasPolled } = report;
  // A blocked worker does not report how long it has been blocked.
  const loopDelayMs = Math.max(report.loopDelayMs, performance.now() - reportedAt - everyMs);
  report = { ...report, hasPolled: false };
  try {
    const lost = await keepClaims(pool, held);
    const running = held
      .filter((job) => job.isStarted && !lost.includes(job))
      .map(({ jobId, queue, attempt, claimedAt }) => ({
        id: jobId,
        queue,
        attempt,
        startedAt: claimedAt.toISOString(),
      }));
    const memoryBytes = process.memoryUsage.rss();
    const orders = await beat(pool, workerId, { running, hasPolled, memoryBytes, loopDelayMs });
    return { lost, orders };
  } catch (error) {
    const { message, code } = error as Error & { code?: unknown };
    return { failure: { message, code } };
  }
}

for (;;) {
  parentPort?.postMessage(await tryToBeat());
  await sleep(everyMs);
}
