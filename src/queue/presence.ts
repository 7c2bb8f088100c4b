import { sql } from 'kysely';
import type { RunningJob } from '../database/job-tables.ts';
import type { Db } from '../database/schema.ts';

/** How often a worker says that it is there, and after how long without a word it is taken for dead. */
export const PRESENCE_SECONDS = 2;
const SILENT_SECONDS = 3 * PRESENCE_SECONDS;

/** A worker polls every second: one that has neither fetched nor worked for a minute is stuck. */
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

/** Enters a worker that has begun to work. Returns its id. */
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

/**
 * Says that a worker is there and what it has in hand.
 *
 * @returns the names of the queues that are paused
 */
export async function beat(
  db: Db,
  id: number,
  { running, hasPolled }: { running: readonly RunningJob[]; hasPolled: boolean },
): Promise<string[]> {
  const { rows } = await sql<{ paused: string[] }>`
    with beat as (
      update workers
      set seen_at = now(), running = ${JSON.stringify(running)}::jsonb,
          fetched_at = case when ${hasPolled} then now() else fetched_at end
      where id = ${id}
    )
    select array(select queue from paused_queues) as paused
  `.execute(db);
  return rows[0]?.paused ?? [];
}

/** Notes that a worker has stopped in good order. */
export async function leaveWorker(db: Db, id: number): Promise<void> {
  await db
    .updateTable('workers')
    .set({ stopped_at: sql`now()`, running: '[]' })
    .where('id', '=', id)
    .execute();
}

/** The workers lately heard from, oldest first. */
export async function listLiveWorkers(db: Db): Promise<Worker[]> {
  const { rows } = await sql<Worker>`
    select id, name, queues, concurrency, started_at as "startedAt", seen_at as "seenAt", running
    from workers where ${isLive} order by id
  `.execute(db);
  return rows;
}

/** Whether some worker has lately been heard from, and fetches or works jobs: a process can live and be stuck. */
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
