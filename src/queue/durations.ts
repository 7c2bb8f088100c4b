import { sql } from 'kysely';
import type { Db } from '../database/schema.ts';

/** Upper bounds of the histograms' buckets, in seconds. Longer durations are in the bucket of infinity. */
export const DURATION_BUCKETS = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 86_400,
];

/** The histograms: how long attempts run, and how long jobs take from being enqueued to being completed. */
export type Histogram = 'job_durations' | 'job_latencies';

export interface DurationCount {
  readonly queue: string;
  /** The upper bound, in seconds. */
  readonly bucket: number;
  readonly jobs: number;
  /** The sum of their durations. */
  readonly seconds: number;
}

/** Collects job durations until `take` is called. */
export class DurationCounter {
  #counts = new Map<string, { queue: string; bucket: number; jobs: number; seconds: number }>();

  add(queue: string, seconds: number): void {
    const bucket = DURATION_BUCKETS.find((bound) => seconds <= bound) ?? Infinity;
    const key = `${queue} ${bucket}`;
    const count = this.#counts.get(key) ?? { queue, bucket, jobs: 0, seconds: 0 };
    this.#counts.set(key, { ...count, jobs: count.jobs + 1, seconds: count.seconds + seconds });
  }

  /** Returns the collected counts and resets them. */
  take(): DurationCount[] {
    const counts = [...this.#counts.values()];
    this.#counts = new Map();
    return counts;
  }
}

/** Adds to the counts shared by all workers, because workers listen on no port that metrics could be read from. */
export async function addDurations(
  db: Db,
  histogram: Histogram,
  counts: readonly DurationCount[],
): Promise<void> {
  if (counts.length === 0) return;
  const ordered = counts.toSorted((a, b) => a.queue.localeCompare(b.queue) || a.bucket - b.bucket);
  await db
    .insertInto(histogram)
    .values(ordered.map((count) => ({ ...count, jobs: String(count.jobs) })))
    .onConflict((conflict) =>
      conflict.columns(['queue', 'bucket']).doUpdateSet({
        jobs: sql`${sql.table(histogram)}.jobs + excluded.jobs`,
        seconds: sql`${sql.table(histogram)}.seconds + excluded.seconds`,
      }),
    )
    .execute();
}

export async function readDurations(db: Db, histogram: Histogram): Promise<DurationCount[]> {
  const rows = await db.selectFrom(histogram).selectAll().orderBy('queue').orderBy('bucket').execute();
  return rows.map((row) => ({ ...row, jobs: Number(row.jobs) }));
}
