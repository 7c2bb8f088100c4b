import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { FastifyInstance } from 'fastify';
import { type RawBuilder, sql } from 'kysely';
import type { Db } from '../../src/database/schema.ts';
import { type Batch, persist, step } from '../../src/queue/index.ts';
import { digestSummaryQueue, mailQueue, moderateTextsQueue, postMailQueue } from '../../src/queues.ts';

const CHAINS = 20;
const LENGTH = 3;

/** The queues whose jobs must all end. */
export const WATCHED = [mailQueue, digestSummaryQueue, postMailQueue, moderateTextsQueue].map(
  ({ name }) => name,
);

/** Starts the batch of all mails. */
export function startBatch({ db, queue }: FastifyInstance): Promise<Batch> {
  const id = randomUUID();
  return persist(() =>
    db
      .transaction()
      .execute((trx) => queue.startBatch(digestSummaryQueue, { week: '2026-01-05' }, { db: trx, id })),
  );
}

/** Enqueues chains of jobs that do nothing, because there are no such posts. */
export async function enqueueFlows({ db, queue }: FastifyInstance): Promise<void> {
  const job = (n: number) => ({ postId: 1 + n });
  const ends = Array.from({ length: CHAINS }, (_, chain) => {
    let last = step(postMailQueue, job(chain * LENGTH));
    for (let n = 1; n < LENGTH; n += 1)
      last = step(postMailQueue, job(chain * LENGTH + n), { after: [last] });
    return last;
  });
  await queue.flow(ends, { db });
}

/** When a job started. Its `started_on` is when the transaction that fetched it began, which may be earlier. */
const beganAt = (jobId: RawBuilder<unknown>) =>
  sql`(select min(started_at) from job_attempts where job_id = ${jobId})`;

/** Every job of the chains must be done, after the one before it. The job after the mails must be done once, after all of them. */
export async function findFaultsOfFlows(
  db: Db,
  mails: number,
  report: (line: string) => void,
): Promise<string[]> {
  const { rows } = await sql<{ links: number; early: number; after: unknown }>`
    select
      (select count(*)::int from pgboss.job where name = ${postMailQueue.name} and state = 'completed') as links,
      (select count(*)::int from pgboss.job_dependency
        inner join pgboss.job as parent on parent.name = parent_name and parent.id = parent_id
        inner join pgboss.job as child on child.name = child_name and child.id = child_id
        where ${beganAt(sql`child.id`)} < parent.completed_on) as early,
      (select jsonb_agg(jsonb_build_object('state', state, 'done', data #> '{counts,done}', 'isLate', ${beganAt(sql`job.id`)} >=
          (select max(completed_on) from pgboss.job where name = ${mailQueue.name})))
        from pgboss.job where name = ${digestSummaryQueue.name}) as after
  `.execute(db);
  const { links = 0, early = 0, after } = rows[0] ?? {};
  report(`${links} jobs were done in flows, and after the batch came ${JSON.stringify(after)}.`);
  const faults: string[] = [];
  if (links !== CHAINS * LENGTH) faults.push(`${links} of ${CHAINS * LENGTH} jobs of the flows are done`);
  if (early > 0) faults.push(`${early} jobs started before those that they come after were done`);
  if (!isDeepStrictEqual(after, [{ state: 'completed', done: mails, isLate: true }]))
    faults.push(`after ${mails} mails came ${JSON.stringify(after)}`);
  return faults;
}
