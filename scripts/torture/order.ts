import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import { persist } from '../../src/queue/index.ts';
import { moderateTextsQueue } from '../../src/queues.ts';

/** The people to decide about, and the decisions per person with each batch of mails. */
const PEOPLE = [1, 2, 3];
const DECISIONS = 2;

/** Hides and shows the texts of some people, which must happen in order. */
export async function decide({ db, queue }: FastifyInstance): Promise<void> {
  const decisions = Array.from({ length: DECISIONS }, (_, n) =>
    PEOPLE.map((userId) => ({ userId, isDisabled: n % 2 === 0 })),
  );
  await persist(() => queue.sendAll(moderateTextsQueue, decisions.flat(), { db }));
}

/** Counts the decisions, and those that failed or started before the one before them had ended. */
export async function countDisorder(
  db: FastifyInstance['db'],
): Promise<{ decisions: number; broken: number }> {
  const { rows } = await sql<{ decisions: number; broken: number }>`
    select count(*)::int as decisions,
      count(*) filter (where state <> 'completed' or began < lag)::int as broken
    from (
      select state, lag(completed_on) over (partition by singleton_key order by created_on),
        -- Recorded after the job was fetched. Its started_on is when the transaction that fetched it began, which may be too early.
        (select min(started_at) from job_attempts where job_id = job.id) as began
      from pgboss.job where name = ${moderateTextsQueue.name}
    ) as decision
  `.execute(db);
  return rows[0] ?? { decisions: 0, broken: 0 };
}
