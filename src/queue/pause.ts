import type { Db } from './tables.ts';

/** Stops all workers from taking jobs from a queue. Running jobs continue. Takes effect at the workers' next report. */
export async function pauseQueue(db: Db, queue: string): Promise<void> {
  await db
    .insertInto('paused_queues')
    .values({ queue })
    .onConflict((conflict) => conflict.column('queue').doNothing())
    .execute();
}

/** Lets workers take jobs from a queue again. */
export async function resumeQueue(db: Db, queue: string): Promise<void> {
  await db.deleteFrom('paused_queues').where('queue', '=', queue).execute();
}

/** Lists the names of paused queues. */
export async function listPausedQueues(db: Db): Promise<Set<string>> {
  const rows = await db.selectFrom('paused_queues').select('queue').execute();
  return new Set(rows.map(({ queue }) => queue));
}
