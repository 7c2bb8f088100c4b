import type { ColumnType, Generated, GeneratedAlways } from 'kysely';

/** What pg-boss's own tables do not keep of workers and jobs, and what became of mails and errors. */
export interface JobTables {
  /** A histogram: `bucket` is the upper bound in seconds. */
  job_durations: {
    queue: string;
    bucket: number;
    jobs: string;
    seconds: number;
  };
  /** One row for each time a worker began a job; `ended_at` and `outcome` only of one that did not succeed. */
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
  workers: {
    id: Generated<number>;
    /** Host and process id. */
    name: string;
    queues: string[];
    concurrency: number;
    started_at: Generated<Date>;
    seen_at: Generated<Date>;
    fetched_at: Generated<Date>;
    stopped_at: Date | null;
    running: ColumnType<RunningJob[], string | undefined, string>;
  };
  paused_queues: {
    queue: string;
    paused_at: Generated<Date>;
  };
  job_audit_log: {
    id: Generated<number>;
    at: Generated<Date>;
    user_id: number | null;
    /** Kept when the account goes. */
    username: string;
    action: string;
    subject: string;
  };
  /** One row for each error that is not like another. */
  alarms: {
    id: Generated<number>;
    fingerprint: string;
    title: string;
    message: string;
    reference: string;
    mailed_at: Generated<Date>;
    /** How often it came again. */
    since_then: Generated<number>;
  };
  /** The ledger: a row is written when the mail server has accepted the message. */
  mail_deliveries: {
    job_id: string;
    user_id: number;
    template: string;
    message_id: string;
    sent_at: Generated<Date>;
  };
}

/** How an attempt ends that does not succeed. `handed back`: the worker had to stop, and it is not counted. */
export type JobAttemptOutcome = 'failed' | 'timed out' | 'given up' | 'handed back';

/** A job in a worker's hands. */
export interface RunningJob {
  readonly id: string;
  readonly queue: string;
  readonly attempt: number;
  /** ISO 8601. */
  readonly startedAt: string;
}
