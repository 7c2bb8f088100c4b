import { sql } from 'kysely';
import type { Db } from './tables.ts';

/** Finds which of these queues have jobs that are due. Costs the same for any number of jobs. */
export async function queuesWithDueJobs(db: Db, queues: readonly string[]): Promise<string[]> {
  // In the order of an index, because PostgreSQL would otherwise read all jobs if most are due.
  const earliest = (state: 'created' | 'retry') => sql`(
    select start_after from pgboss.job where job.name = queue.name and state = ${sql.lit(state)} and not blocked
    order by start_after limit 1
  )`;
  const { rows } = await sql<{ name: string }>`
    select name from unnest(${[...queues]}::text[]) as queue (name)
    where least(${earliest('created')}, ${earliest('retry')}) <= pgboss.job_now()
  `.execute(db);
  return rows.map(({ name }) => name);
}
