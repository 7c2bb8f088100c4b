import { type RawBuilder, sql } from 'kysely';
import type { Db, RunningJob } from './tables.ts';

/** How often a worker reports, and after how many seconds without a report it counts as dead. */
export const PRESENCE_SECONDS = 2;
const SILENT_SECONDS = 3 * PRESENCE_SECONDS;

/** Workers poll every second, so one that has neither polled nor worked for a minute is stuck. */
const STUCK_SECONDS = 60;

export interface Worker {
  readonly id: number;
  /** Host and process id. */
  readonly name: string;
  readonly queues: string[];
  readonly concurrency: number;
  readonly startedAt: Date;
  readonly seenAt: Date;
  readonly running: RunningJob[];
  /** The application's version. */
  readonly version: string;
  /** As of its last report; null before the first. */
  readonly memoryBytes: number | null;
  /** The longest delay of its event loop between its last two reports. */
  readonly loopDelayMs: number | null;
  /** Whether an operator has asked it to take no more jobs. */
  readonly isDraining: boolean;
}

/** Registers a starting worker. Returns its id. */
export async function enterWorker(
  db: Db,
  worker: Pick<Worker, 'name' | 'concurrency' | 'version'> & { readonly queues: readonly string[] },
): Promise<number> {
  const { id } = await db
    .insertInto('workers')
    .values({ ...worker, queues: [...worker.queues] })
    .returning('id')
    .executeTakeFirstOrThrow();
  return id;
}

/** Records that a worker has stopped cleanly. */
export async function leaveWorker(db: Db, id: number): Promise<void> {
  await db
    .updateTable('workers')
    .set({ stopped_at: sql`now()`, running: '[]' })
    .where('id', '=', id)
    .execute();
}

/** Asks a worker to take no more jobs, or to take jobs again. Running jobs continue. Takes effect at its next report. */
export async function drainWorker(db: Db, id: number, isDraining: boolean): Promise<void> {
  await db.updateTable('workers').set({ is_draining: isDraining }).where('id', '=', id).execute();
}

/** Lists workers with a recent report, oldest first. */
export function listLiveWorkers(db: Db): Promise<Worker[]> {
  return listWorkers(db, isLive);
}

/** Lists workers that stopped reporting in the last quarter of an hour without having stopped cleanly, oldest first. */
export function listLostWorkers(db: Db): Promise<Worker[]> {
  return listWorkers(
    db,
    sql`stopped_at is null and not ${isLive} and seen_at > now() - interval '15 minutes'`,
  );
}

async function listWorkers(db: Db, condition: RawBuilder<unknown>): Promise<Worker[]> {
  const { rows } = await sql<Worker>`
    select id, name, queues, concurrency, started_at as "startedAt", seen_at as "seenAt", running, version,
      memory_bytes::float8 as "memoryBytes", loop_delay_ms as "loopDelayMs", is_draining as "isDraining"
    from workers where ${condition} order by id
  `.execute(db);
  return rows;
}

/** Whether any worker has recently reported and is polling or working. A process can be alive but stuck. */
export async function hasConsumingWorker(db: Db): Promise<boolean> {
  const { rows } = await sql`
    select from workers
    where ${isLive}
      and (fetched_at > now() - make_interval(secs => ${STUCK_SECONDS}) or jsonb_array_length(running) > 0)
    limit 1
  `.execute(db);
  return rows.length > 0;
}

const isLive = sql`(stopped_at is null and seen_at > now() - make_interval(secs => ${SILENT_SECONDS}))`;
