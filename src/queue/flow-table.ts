import { type RawBuilder, sql } from 'kysely';
import type { BatchCounts } from './contract.ts';
import { KEEP_DEAD_SECONDS } from './dead-letters.ts';
import type { Db } from './tables.ts';

// Our statements on pg-boss's tables for flows and batches. Check new versions of pg-boss against them.

/** Condition: a job belongs to a batch, as in the index. Excludes dead letters, which are copies without a dead letter queue. */
function isMemberOf(id: RawBuilder<unknown>): RawBuilder<boolean> {
  return sql`data ->> 'batchId' = ${id}::text and dead_letter is not null`;
}

/** Condition: all jobs of a batch have ended. A scalar subquery, so that each batch costs one index lookup. */
export function isOver(batchId: RawBuilder<unknown>): RawBuilder<boolean> {
  return sql`(
    select member.id from pgboss.job as member where ${isMemberOf(batchId)} and state < 'completed' limit 1
  ) is null`;
}

/** Counts a batch's jobs by how they ended. */
export async function countMembers(db: Db, batchId: string, members: number): Promise<BatchCounts> {
  const all = isMemberOf(sql`${batchId}`);
  const { rows } = await sql<Ends & { redriven: number }>`
    select count(*) filter (where state = 'completed')::int as done,
      count(*) filter (where state < 'completed')::int as unfinished,
      count(*) filter (where state = 'failed')::int as failed, count(source_root_id)::int as redriven
    from pgboss.job where ${all}
  `.execute(db);
  const { redriven, ...ends } = rows[0] ?? { ...NO_ENDS, redriven: 0 };
  const { done, failed, unfinished } = redriven === 0 ? ends : await countRoots(db, all);
  return { done, failed, cancelled: Math.max(0, members - done - failed - unfinished), unfinished };
}

type Ends = Omit<BatchCounts, 'cancelled'>;

const NO_ENDS: Ends = { done: 0, failed: 0, unfinished: 0 };

/** The same if some were redriven, each as another job with the same root. Takes several times as long. */
async function countRoots(db: Db, all: RawBuilder<boolean>): Promise<Ends> {
  const { rows } = await sql<Ends>`
    select count(*) filter (where is_done)::int as done,
      count(*) filter (where not is_done and is_unfinished)::int as unfinished,
      count(*) filter (where not is_done and not is_unfinished and has_failed)::int as failed
    from (
      select bool_or(state = 'completed') as is_done, bool_or(state < 'completed') as is_unfinished,
        bool_or(state = 'failed') as has_failed
      from pgboss.job where ${all}
      group by coalesce(source_root_id, id)
    ) as member
  `.execute(db);
  return rows[0] ?? NO_ENDS;
}

interface Callback {
  readonly queue: string;
  readonly jobId: string;
}

/** Keeps workers from fetching a job until it is released. */
export async function hold(db: Db, { queue, jobId }: Callback): Promise<void> {
  await sql`update pgboss.job set blocked = true where name = ${queue} and id = ${jobId}::uuid`.execute(db);
}

/** Lets a batch's last job start, with the counts. A cancelled one can be restored. */
export async function release(
  db: Db,
  { queue, jobId, counts }: Callback & { counts: BatchCounts },
): Promise<void> {
  await sql`
    update pgboss.job set data = data || ${JSON.stringify({ counts })}::jsonb, blocked = false,
      start_after = greatest(start_after, pgboss.job_now())
    where name = ${queue} and id = ${jobId}::uuid and blocked
  `.execute(db);
}

/** The place of a job that failed for good in its flow. */
export interface Place {
  readonly queue: string;
  readonly jobId: string;
  readonly rootId: string;
}

/** Finds the places of dead letters whose originals other jobs wait for. */
export async function findPlaces(db: Db, deadLetters: string, ids: readonly string[]): Promise<Place[]> {
  const { rows } = await sql<Place>`
    select source_name as queue, source_id as "jobId", coalesce(source_root_id, source_id) as "rootId" from pgboss.job
    where name = ${deadLetters} and id = any(${[...ids]}::uuid[])
      and exists (select from pgboss.job_dependency where parent_name = source_name and parent_id = source_id)
  `.execute(db);
  return rows;
}

/** Gives these places to the jobs that this transaction has redriven. */
export async function takePlaces(db: Db, places: readonly Place[]): Promise<void> {
  await sql`
    with redriven as (
      update pgboss.job set blocking = true, deletion_seconds = ${KEEP_DEAD_SECONDS}
      from unnest(${places.map(({ queue }) => queue)}::text[], ${places.map(({ jobId }) => jobId)}::uuid[],
        ${places.map(({ rootId }) => rootId)}::uuid[]) as place (queue, id, root_id)
      where job.name = place.queue and created_on = pgboss.job_now() and source_root_id = place.root_id
      returning place.queue, place.id as old_id, job.id as new_id
    )
    update pgboss.job_dependency set parent_id = new_id
    from redriven where parent_name = redriven.queue and parent_id = old_id
  `.execute(db);
}
