import { sql } from 'kysely';
import type { JobEnd } from './events.ts';
import type { Db } from './tables.ts';

/** Upper bounds of the histograms' buckets, in seconds. Longer durations go into a bucket without a bound. */
export const DURATION_BUCKETS = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 86_400,
];

export interface DurationCount {
  readonly queue: string;
  /** The upper bound, in seconds. */
  readonly bucket: number;
  readonly jobs: number;
  /** The sum of their durations. */
  readonly seconds: number;
}

/** The histograms' tables: how long attempts run, and how long jobs take from being enqueued to being completed. */
const HISTOGRAMS = ['job_durations', 'job_latencies'] as const;
type Histogram = (typeof HISTOGRAMS)[number];
type Counts = Readonly<Record<Histogram, readonly DurationCount[]>>;

/** Collects durations until `take` is called. */
export class DurationCounter {
  #counts = {
    job_durations: new Map<string, DurationCount>(),
    job_latencies: new Map<string, DurationCount>(),
  };

  add({ queue, durationMs, ageMs, outcome }: JobEnd): void {
    this.#add('job_durations', queue, durationMs / 1000);
    if (outcome === 'completed') this.#add('job_latencies', queue, ageMs / 1000);
  }

  /** Returns the collected counts and resets them. */
  take(): Counts {
    const { job_durations, job_latencies } = this.#counts;
    this.#counts = { job_durations: new Map(), job_latencies: new Map() };
    return { job_durations: [...job_durations.values()], job_latencies: [...job_latencies.values()] };
  }

  #add(histogram: Histogram, queue: string, seconds: number): void {
    const bucket = DURATION_BUCKETS.find((bound) => seconds <= bound) ?? Infinity;
    const key = `${queue} ${bucket}`;
    const count = this.#counts[histogram].get(key) ?? { queue, bucket, jobs: 0, seconds: 0 };
    this.#counts[histogram].set(key, { ...count, jobs: count.jobs + 1, seconds: count.seconds + seconds });
  }
}

/** Adds to the counts of all workers. They are in the database because workers listen on no port to read metrics from. */
export async function addDurations(db: Db, counts: Counts): Promise<void> {
  for (const histogram of HISTOGRAMS) await addTo(db, histogram, counts[histogram]);
}

async function addTo(db: Db, histogram: Histogram, counts: readonly DurationCount[]): Promise<void> {
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

/** Reads a histogram, ordered by queue and bucket. */
export async function readDurations(db: Db, histogram: Histogram): Promise<DurationCount[]> {
  const rows = await db.selectFrom(histogram).selectAll().orderBy('queue').orderBy('bucket').execute();
  return rows.map((row) => ({ ...row, jobs: Number(row.jobs) }));
}
