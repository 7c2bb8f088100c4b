import type { JobAttemptOutcome } from '../database/job-tables.ts';

/** States as an operator thinks of them: pg-boss's own, with waiting split in two. */
export const JOB_STATES = ['ready', 'deferred', 'active', 'completed', 'failed', 'cancelled'] as const;
export type JobState = (typeof JOB_STATES)[number];

/** Which jobs a list, or an action, is about. */
export interface JobFilter {
  readonly queues: readonly string[];
  readonly states?: readonly JobState[] | undefined;
  /** Of the payload, in any case. */
  readonly text?: string | undefined;
  /** When the job was created. */
  readonly from?: Date | undefined;
  readonly until?: Date | undefined;
  readonly id?: string | undefined;
  /** Only jobs whose dead letter still lies in its queue. */
  readonly hasDeadLetter?: boolean;
}

export interface JobSummary {
  readonly id: string;
  readonly queue: string;
  readonly state: JobState;
  readonly data: unknown;
  readonly attempts: number;
  readonly createdAt: Date;
  /** When it may run, or may run again. */
  readonly startAfter: Date;
  readonly startedAt: Date | null;
  readonly endedAt: Date | null;
  readonly message: string | null;
}

/** One page of jobs, newest first. `next` is where the next page begins; undefined on the last. */
export interface JobPage {
  readonly jobs: readonly JobSummary[];
  readonly next: string | undefined;
}

/** Everything about one job. */
export interface JobDetails extends JobSummary {
  readonly priority: number;
  readonly retryLimit: number;
  readonly uniqueKey: string | null;
  readonly output: unknown;
  /** Of a dead letter: the job it was. */
  readonly sourceQueue: string | null;
  readonly sourceId: string | null;
  readonly history: readonly AttemptRecord[];
}

/** One try, oldest first. */
export interface AttemptRecord {
  readonly attempt: number;
  readonly worker: string;
  readonly startedAt: Date;
  readonly endedAt: Date | null;
  readonly outcome: JobAttemptOutcome | 'running' | 'completed' | 'cancelled' | 'lost';
  readonly error: string | null;
}

/** How many jobs a queue has that are not done. */
export interface QueueCounts {
  readonly queue: string;
  /** Waiting for a worker; `oldestReadySeconds` is how long the first of them has been. */
  readonly ready: number;
  readonly oldestReadySeconds: number;
  /** Waiting for their time: a retry, or a job sent for later. */
  readonly deferred: number;
  readonly active: number;
  readonly failed: number;
  /** Given up, in the dead letter queue: they wait for somebody to look at them. */
  readonly dead: number;
}
