import { type RawBuilder, sql } from 'kysely';
import { percentile } from 'pg-boss';
import type { Db } from './tables.ts';

/** How often workers record the history, in seconds. */
export const HISTORY_SECONDS = 10;

/** The lengths of the history's steps, in seconds. Each is made of the one before. The application deletes old ones. */
const HISTORY_STEPS = [60, 900, 7200] as const;
export type HistoryStep = (typeof HISTORY_STEPS)[number];

/** A queue's numbers in one step. */
export interface HistoryPoint {
  /** The beginning of the step. */
  readonly at: Date;
  readonly queue: string;
  /** The most jobs that were ready at one time. */
  readonly ready: number;
  readonly completed: number;
  /** Attempts that failed and were retried. */
  readonly retried: number;
  /** Jobs that failed for good. */
  readonly failed: number;
}

/** How long the jobs that ended in one step waited and ran, in seconds: percentiles, in the order of `PERCENTILES`. */
export interface DurationPoint {
  readonly at: Date;
  readonly wait: readonly (number | null)[];
  readonly run: readonly (number | null)[];
}

export const PERCENTILES = [50, 95, 99] as const;

/**
 * Writes the newest steps of the history from the statistics that pg-boss records every few seconds, which are too many to chart
 * a day of. Does nothing while another worker does the same. Idempotent.
 */
export async function recordHistory(db: Db): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const lock = await sql<{ isMine: boolean }>`
      select pg_try_advisory_xact_lock(hashtext('job_history')) as "isMine"
    `.execute(trx);
    if (lock.rows[0]?.isMine !== true) return;
    for (const [index, step] of HISTORY_STEPS.entries()) {
      const finer = HISTORY_STEPS[index - 1];
      await foldInto(trx, step, finer === undefined ? RECORDED : kept(finer));
    }
  });
}

/** The beginning of the step that a moment is in. */
function beginning(moment: RawBuilder<unknown>, step: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`to_timestamp(floor(extract(epoch from ${moment}) / ${step}) * ${step})`;
}

/** pg-boss's statistics since the minute before this one, and the unsuccessful attempts, of all queues but dead letters. */
const RECORDED = sql`
  select name as queue, found.* from pgboss.queue, lateral (
    select captured_on as at, ready_count as ready, coalesce(completed_delta, 0) as completed,
      coalesce(failed_delta, 0) as failed, 0 as retried, wait_bins, run_bins
    from pgboss.queue_stats
    where name = queue.name and captured_on >= date_trunc('minute', now()) - interval '1 minute'
    union all
    select ended_at, 0, 0, 0, 1, null, null from job_attempts
    where queue = queue.name and outcome in ('failed', 'timed out', 'given up') and ended_at >= date_trunc('minute', now()) - interval '1 minute'
  ) as found
  where dead_letter is not null`;

/** The finer history of the newest two steps. */
function kept(finer: HistoryStep): RawBuilder<unknown> {
  const coarser = sql.lit(HISTORY_STEPS[HISTORY_STEPS.indexOf(finer) + 1]);
  return sql`
    select queue, at, ready, completed, failed, retried + failed as retried, wait_bins, run_bins from job_history
    where step_seconds = ${finer} and at >= ${beginning(sql`now()`, coarser)} - make_interval(secs => ${coarser})`;
}

/** Sums up rows by step. Of the unsuccessful attempts, the ones that did not fail for good are retried. */
async function foldInto(db: Db, step: HistoryStep, rows: RawBuilder<unknown>): Promise<void> {
  await sql`
    with found as (
      select queue, ${beginning(sql`at`, sql.lit(step))} as at, ready, completed, failed, retried, wait_bins, run_bins
      from (${rows}) as source
    ),
    slots as (
      select queue, at, slot, sum(waited)::int as waited, sum(ran)::int as ran
      from found, unnest(wait_bins, run_bins) with ordinality as bins (waited, ran, slot) group by 1, 2, 3
    ),
    histograms as (
      select queue, at, array_agg(coalesce(waited, 0) order by slot) as wait_bins,
        array_agg(coalesce(ran, 0) order by slot) as run_bins
      from slots group by 1, 2 having sum(waited) > 0
    ),
    sums as (
      select queue, at, max(ready) as ready, sum(completed)::int as completed, sum(failed)::int as failed,
        greatest(0, sum(retried) - sum(failed))::int as retried
      from found group by 1, 2
    )
    insert into job_history (step_seconds, at, queue, ready, completed, retried, failed, wait_bins, run_bins)
    select ${step}, at, queue, ready, completed, retried, failed, wait_bins, run_bins
    from sums left join histograms using (queue, at)
    where ready > 0 or completed > 0 or retried > 0 or failed > 0
    on conflict (step_seconds, at, queue) do update set ready = excluded.ready, completed = excluded.completed,
      retried = excluded.retried, failed = excluded.failed, wait_bins = excluded.wait_bins, run_bins = excluded.run_bins
  `.execute(db);
}

interface Span {
  readonly from: Date;
  readonly step: HistoryStep;
  readonly queues: readonly string[];
}

/** Reads the steps of some queues since a moment, oldest first. Idle ones are missing. */
export function readHistory(db: Db, { from, step, queues }: Span): Promise<HistoryPoint[]> {
  return db
    .selectFrom('job_history')
    .select(['at', 'queue', 'ready', 'completed', 'retried', 'failed'])
    .where('step_seconds', '=', step)
    .where('at', '>=', from)
    .where('queue', 'in', queues)
    .orderBy('at')
    .execute();
}

/** Reads how long the jobs of some queues together waited and ran. Steps in which none ended are missing. */
export async function readDurationHistory(
  db: Db,
  { from, step, queues }: Span,
): Promise<readonly DurationPoint[]> {
  const { rows } = await sql<{ at: Date; waited: number[]; ran: number[] }>`
    select at, array_agg(waited order by slot) as waited, array_agg(ran order by slot) as ran
    from (
      select at, slot, sum(waited)::int as waited, sum(ran)::int as ran
      from job_history, unnest(wait_bins, run_bins) with ordinality as bins (waited, ran, slot)
      where step_seconds = ${step} and at >= ${from} and queue = any(${[...queues]}::text[])
      group by at, slot
    ) as slots
    group by at order by at
  `.execute(db);
  return rows.map(({ at, waited, ran }) => ({
    at,
    wait: PERCENTILES.map((percent) => percentile(waited, percent)),
    run: PERCENTILES.map((percent) => percentile(ran, percent)),
  }));
}
