import { sql } from 'kysely';
import type { RunningJob } from '../database/job-tables.ts';
import type { Db } from '../database/schema.ts';

/** How often a worker reports, and after how many seconds without a report it is considered dead. */
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
}

/** Registers a worker that starts. Returns its id. */
export async function enterWorker(
  db: Db,
  { name, queues, concurrency }: { name: string; queues: readonly string[]; concurrency: number },
): Promise<number> {
  const { id } = await db
    .insertInto('workers')
    .values({ name, queues: [...queues], concurrency })
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

/** Lists workers with a recent report, oldest first. */
export async function listLiveWorkers(db: Db): Promise<Worker[]> {
  const { rows } = await sql<Worker>`
    select id, name, queues, concurrency, started_at as "startedAt", seen_at as "seenAt", running
    from workers where ${isLive} order by id
  `.execute(db);
  return rows;
}

/** Whether a worker has recently reported and polls or works. A process can be alive but stuck. */
export async function hasConsumingWorker(db: Db): Promise<boolean> {
  const { rows } = await sql`
    select from workers
    where ${isLive}
      and (fetched_at > now() - make_interval(secs => ${STUCK_SECONDS}) or jsonb_array_length(running) > 0)
    limit 1
  `.execute(db);
  return rows.length > 0;
}

const isLive = sql`stopped_at is null and seen_at > now() - make_interval(secs => ${SILENT_SECONDS})`;
