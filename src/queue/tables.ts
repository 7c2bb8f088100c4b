import type { ColumnType, Generated, GeneratedAlways, Kysely, Transaction } from 'kysely';

/** A database, or a transaction on it, that has the queue's tables. */
export type Db = Kysely<QueueTables> | Transaction<QueueTables>;

/** The queue's tables, besides those of pg-boss. */
export interface QueueTables {
  /** Histograms: `bucket` is the upper bound in seconds. */
  job_durations: DurationRow;
  job_latencies: DurationRow;
  /** One row per attempt. Only unsuccessful attempts have `ended_at` and `outcome`. */
  job_attempts: {
    id: GeneratedAlways<string>;
    job_id: string;
    queue: string;
    attempt: number;
    worker: string;
    started_at: Generated<Date>;
    ended_at: Date | null;
    outcome: JobAttemptOutcome | null;
    error: string | null;
  };
  /** Numbers of the queues over time, for charts. `at` is the beginning of a step; idle steps have no row. */
  job_history: {
    step_seconds: number;
    at: Date;
    queue: string;
    /** The most at a time. */
    ready: number;
    completed: number;
    /** Unsuccessful attempts that are retried. */
    retried: number;
    failed: number;
    /** pg-boss's histograms; null if no job ended. */
    wait_bins: number[] | null;
    run_bins: number[] | null;
  };
  /** What jobs tell about themselves while they run. */
  job_reports: {
    job_id: string;
    done: number | null;
    total: number | null;
    words: string | null;
    /** The newest last. */
    lines: ColumnType<JobLogLine[], string | undefined, string>;
    updated_at: Generated<Date>;
  };
  workers: {
    id: GeneratedAlways<number>;
    /** Host and process id. */
    name: string;
    queues: string[];
    concurrency: number;
    started_at: Generated<Date>;
    seen_at: Generated<Date>;
    fetched_at: Generated<Date>;
    stopped_at: Date | null;
    running: ColumnType<RunningJob[], string | undefined, string>;
    /** The release that it runs. */
    version: Generated<string>;
    /** As of its last report; null before. */
    memory_bytes: string | null;
    /** The longest delay of its event loop since the report before. */
    loop_delay_ms: number | null;
    /** Whether it takes no more jobs, because an operator has asked it to. */
    is_draining: Generated<boolean>;
  };
  paused_queues: {
    queue: string;
    paused_at: Generated<Date>;
  };
  /** When jobs are enqueued automatically, as the contracts say. */
  job_schedules: {
    queue: string;
    name: string;
    /** In cron's format, or iCalendar's. */
    rule: string;
    time_zone: string;
    /** Null if the rule has ended. */
    next_at: Date | null;
    paused_at: Date | null;
    last_job_id: string | null;
  };
  job_limits: {
    queue: string;
    /** `*` for each other key; empty for the whole queue. */
    key: string;
    rate: string;
  };
  /** In seconds since 1970. */
  job_rates: {
    queue: string;
    key: string;
    full_at: Generated<number>;
    line_until: Generated<number>;
    bulk_line_until: Generated<number>;
  };
  queue_breakers: {
    queue: string;
    opened_at: Generated<Date>;
    reason: string;
    probe_at: Date;
    probe_job: string | null;
    /** How many have failed. */
    probes: Generated<number>;
  };
  /** Jobs whose end starts another. */
  job_batches: {
    id: string;
    /** The job that starts, and its queue. */
    queue: string;
    job_id: string;
    /** How many jobs it has. */
    members: Generated<number>;
    created_at: Generated<Date>;
    /** When it had all its jobs. */
    closed_at: Date | null;
    ended_at: Date | null;
  };
  job_audit_log: {
    id: GeneratedAlways<number>;
    at: Generated<Date>;
    username: string;
    action: string;
    subject: string;
  };
}

interface DurationRow {
  queue: string;
  bucket: number;
  jobs: string;
  seconds: number;
}

/**
 * How an unsuccessful attempt ended. Two are not counted as attempts. `handed back`: this worker had to stop or was too old.
 * `deferred`: the job threw TryLater.
 */
export type JobAttemptOutcome = 'failed' | 'timed out' | 'given up' | 'handed back' | 'deferred';

/** A job that a worker is running. */
export interface RunningJob {
  readonly id: string;
  readonly queue: string;
  readonly attempt: number;
  /** ISO 8601. */
  readonly startedAt: string;
}

/** A line that a job has logged. */
export interface JobLogLine {
  /** ISO 8601. */
  readonly at: string;
  readonly level: string;
  readonly text: string;
}
