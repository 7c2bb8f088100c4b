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
  /** Statistics over time, for charts. `at` is the beginning of a step; idle steps have no row. */
  job_history: {
    step_seconds: number;
    at: Date;
    queue: string;
    /** The most at one time. */
    ready: number;
    completed: number;
    /** Unsuccessful attempts that were retried. */
    retried: number;
    failed: number;
    /** pg-boss's histograms; null if no job ended. */
    wait_bins: number[] | null;
    run_bins: number[] | null;
  };
  /** Jobs' progress and log. */
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
    /** The application's version. */
    version: Generated<string>;
    /** As of its last report; null before the first. */
    memory_bytes: string | null;
    /** The longest delay of its event loop between its last two reports. */
    loop_delay_ms: number | null;
    /** Whether an operator has asked it to take no more jobs. */
    is_draining: Generated<boolean>;
  };
  paused_queues: {
    queue: string;
    paused_at: Generated<Date>;
  };
  /** The contracts' schedules. */
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
    /** `*` for every other key; empty for the whole queue. */
    key: string;
    rate: string;
  };
  /** Token buckets. Times are in seconds since 1970. */
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
    /** How many probes were refused. */
    probes: Generated<number>;
  };
  /** Sets of jobs that are followed by another job. */
  job_batches: {
    id: string;
    /** The job that follows, and its queue. */
    queue: string;
    job_id: string;
    /** How many jobs were added. */
    members: Generated<number>;
    created_at: Generated<Date>;
    /** When all jobs had been added. */
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
 * How an unsuccessful attempt ended. Two of these do not count as attempts: `handed back`, because the worker had to stop or was
 * too old, and `deferred`, because the job threw TryLater.
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
