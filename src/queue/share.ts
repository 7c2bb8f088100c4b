import { sql } from 'kysely';
import type { Db } from './tables.ts';

/** Jobs of one share in a row, before other shares get their turn. */
export const TURN = 100;

/**
 * A set of bulk jobs, such as the mails of one post, which are enqueued in batches. Shares take turns, so none waits behind all
 * jobs of another: every `TURN` jobs have a lower priority than those before, and a new share begins with the current turn, as in
 * start-time fair queueing (Goyal et al., 1996). Use one share for all batches.
 */
export interface Share {
  /** How many of its jobs have been enqueued. */
  jobs: number;
  /** The priority of its first turn. */
  first?: number;
}

/** A share without jobs. */
export function newShare(): Share {
  return { jobs: 0 };
}

/**
 * Computes the priorities of a share's next jobs.
 *
 * @param priority the first turn's priority, if no other share has jobs
 */
export async function prioritiesOf(
  db: Db,
  share: Share,
  { queue, count, priority }: { queue: string; count: number; priority: number },
): Promise<number[]> {
  share.first ??= await currentTurn(db, queue, priority);
  const { first, jobs } = share;
  share.jobs += count;
  return Array.from({ length: count }, (_, index) => first - Math.floor((jobs + index) / TURN));
}

/** The priority of the next bulk job. */
async function currentTurn(db: Db, queue: string, priority: number): Promise<number> {
  const { rows } = await sql<{ priority: number }>`
    select priority from pgboss.job
    where name = ${queue} and state < 'active' and not blocked and priority <= ${priority}
      and start_after <= pgboss.job_now()
    order by priority desc limit 1
  `.execute(db);
  return rows[0]?.priority ?? priority;
}
