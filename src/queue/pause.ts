import type { Db } from '../database/schema.ts';

/** Stops all workers from taking jobs of a queue, until it is resumed; jobs in hand go on. They hear of it within a beat. */
export async function pauseQueue(db: Db, queue: string): Promise<void> {
  await db
    .insertInto('paused_queues')
    .values({ queue })
    .onConflict((conflict) => conflict.column('queue').doNothing())
    .execute();
}

/** Lets workers take jobs of a queue again. */
export async function resumeQueue(db: Db, queue: string): Promise<void> {
  await db.deleteFrom('paused_queues').where('queue', '=', queue).execute();
}

/** The names of the queues that are paused. */
export async function listPausedQueues(db: Db): Promise<Set<string>> {
  const rows = await db.selectFrom('paused_queues').select('queue').execute();
  return new Set(rows.map(({ queue }) => queue));
}
