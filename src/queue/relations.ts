import { sql } from 'kysely';
import type { BatchCounts } from './contract.ts';
import { countMembers } from './flow-table.ts';
import { STATE } from './job-filter.ts';
import { JOB_ID, type JobDetails, type JobState } from './jobs.ts';
import type { Db } from './tables.ts';

/** A job to link to. */
export interface JobLink {
  readonly id: string;
  readonly queue: string;
  readonly state: JobState;
}

/** A job of a flow, with the jobs after it. A job that comes after several is below the first of them. */
export interface FlowNode extends JobLink {
  /** The other jobs before it. */
  readonly alsoAfter: readonly JobLink[];
  readonly next: readonly FlowNode[];
}

export interface BatchStatus {
  readonly id: string;
  /** How many jobs it has. */
  readonly members: number;
  readonly isOpen: boolean;
  readonly hasEnded: boolean;
  /** Now, or at its end. */
  readonly counts: BatchCounts;
  /** The job that follows it; its state is undefined after it was deleted. */
  readonly follower: Omit<JobLink, 'state'> & { readonly state: JobState | undefined };
}

/** A job's flow and batch. */
export interface Relations {
  /** The first jobs of its flow; empty without a flow. */
  readonly flow: readonly FlowNode[];
  /** Whether others wait for it. Then it cannot be deleted. */
  readonly isWaitedFor: boolean;
  /** The batch that it belongs to or follows. */
  readonly batch: BatchStatus | undefined;
}

/** Finds a job's flow and batch; for a dead letter, the original's. */
export async function findRelations(
  db: Db,
  {
    id,
    queue,
    sourceId,
    sourceQueue,
    data,
  }: Pick<JobDetails, 'id' | 'queue' | 'sourceId' | 'sourceQueue' | 'data'>,
): Promise<Relations> {
  const [flow, batch] = await Promise.all([
    findFlow(db, { id: sourceId ?? id, queue: sourceQueue ?? queue }),
    findBatchOf(db, id, data),
  ]);
  return { ...flow, batch };
}

async function findFlow(
  db: Db,
  { id, queue }: { id: string; queue: string },
): Promise<Omit<Relations, 'batch'>> {
  const { rows } = await sql<Related>`
    with recursive related (name, id) as (
      select ${queue}::text, ${id}::uuid
      union
      select link.name, link.id from related, lateral (
        select child_name as name, child_id as id from pgboss.job_dependency
        where parent_name = related.name and parent_id = related.id
        union all
        select parent_name, parent_id from pgboss.job_dependency
        where child_name = related.name and child_id = related.id
      ) as link
    )
    select job.id, job.name as queue, ${STATE} as state, job.blocked as "isBlocked", array(
      select parent_id from pgboss.job_dependency where child_name = job.name and child_id = job.id order by parent_id
    ) as parents
    from related inner join pgboss.job on job.name = related.name and job.id = related.id
    order by job.created_on, job.id
  `.execute(db);
  const isWaitedFor = rows.some(({ isBlocked, parents }) => isBlocked && parents.includes(id));
  return { flow: rows.length < 2 ? [] : treeOf(rows), isWaitedFor };
}

interface Related extends JobLink {
  /** Whether it waits for one of them, or did when it was cancelled. */
  readonly isBlocked: boolean;
  /** The ids of the jobs before it. */
  readonly parents: readonly string[];
}

/** Arranges jobs as trees. Deleted jobs are left out. */
function treeOf(jobs: readonly Related[]): FlowNode[] {
  const linkOf = ({ id, queue, state }: Related): JobLink => ({ id, queue, state });
  const before = new Map(
    jobs.map((job) => [job.id, jobs.filter(({ id }) => job.parents.includes(id)).map(linkOf)]),
  );
  const nodesAfter = (parent: string | undefined): FlowNode[] =>
    jobs
      .filter(({ id }) => before.get(id)?.[0]?.id === parent)
      .map((job) => ({
        ...linkOf(job),
        alsoAfter: before.get(job.id)?.slice(1) ?? [],
        next: nodesAfter(job.id),
      }));
  return nodesAfter(undefined);
}

async function findBatchOf(db: Db, jobId: string, data: unknown): Promise<BatchStatus | undefined> {
  const batchId = idIn(data);
  const { rows } = await sql<Omit<BatchStatus, 'counts' | 'follower'> & Follower>`
    select batch.id, members, closed_at is null and ended_at is null as "isOpen", ended_at is not null as "hasEnded",
      batch.job_id as "jobId", batch.queue as "followerQueue", follower.*
    from job_batches as batch left join lateral (
      select ${STATE} as "followerState", data -> 'counts' as "endCounts"
      from pgboss.job where name = batch.queue and id = batch.job_id
    ) as follower on true
    where batch.id = ${batchId ?? null}::uuid or batch.job_id = ${jobId}::uuid
  `.execute(db);
  if (rows[0] === undefined) return undefined;
  const { jobId: id, followerQueue, followerState, endCounts, ...batch } = rows[0];
  const counts = (batch.hasEnded && endCounts) || (await countMembers(db, batch.id, batch.members));
  const follower = { id, queue: followerQueue, state: followerState ?? undefined };
  return { ...batch, counts, follower };
}

interface Follower {
  readonly jobId: string;
  readonly followerQueue: string;
  readonly followerState: JobState | null;
  readonly endCounts: BatchCounts | null;
}

/** The id of the batch in a job's stored payload, which may have any form. */
function idIn(data: unknown): string | undefined {
  if (typeof data !== 'object' || data === null || !('batchId' in data)) return undefined;
  const { batchId } = data;
  return typeof batchId === 'string' && JOB_ID.test(batchId) ? batchId : undefined;
}
