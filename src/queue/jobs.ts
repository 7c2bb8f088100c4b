import type { JobReportRow } from './report.ts';
import type { Search } from './search.ts';
import type { JobAttemptOutcome } from './tables.ts';

/**
 * pg-boss's states, with waiting jobs split: ready, waiting for a retry, deferred, and blocked by the jobs that they come
 * after.
 */
export const JOB_STATES = [
  'ready',
  'active',
  'retrying',
  'deferred',
  'blocked',
  'completed',
  'failed',
  'cancelled',
] as const;
export type JobState = (typeof JOB_STATES)[number];

/** The id of a job. */
export const JOB_ID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/;

/** The jobs for a list or an action. */
export interface JobFilter {
  readonly queues: readonly string[];
  readonly states?: readonly JobState[] | undefined;
  readonly search?: Search | undefined;
  /** Whether the search must skip addresses in errors. */
  readonly hidesPeople?: boolean;
  /** When the job was created. */
  readonly from?: Date | undefined;
  readonly until?: Date | undefined;
  /** When the job ended. */
  readonly endedFrom?: Date | undefined;
  readonly id?: string | undefined;
  /** The ids of jobs to leave out. */
  readonly except?: readonly string[];
  /** Only jobs that still have a dead letter. */
  readonly hasDeadLetter?: boolean;
  /** Only jobs that no other waits for. */
  readonly blocksNone?: boolean;
}

export interface JobSummary {
  readonly id: string;
  readonly queue: string;
  readonly state: JobState;
  readonly data: unknown;
  readonly attempts: number;
  readonly createdAt: Date;
  /** When it may run or be retried. */
  readonly startAfter: Date;
  readonly startedAt: Date | null;
  readonly endedAt: Date | null;
  readonly message: string | null;
}

/** One page of jobs, newest first. */
export interface JobPage {
  readonly jobs: readonly JobSummary[];
  /** The next page's cursor; undefined on the last. */
  readonly next: string | undefined;
  /** Set if only jobs created since then were searched, because no index finds the text. `next` continues with older ones. */
  readonly searchedFrom: Date | undefined;
}

/** A job in full. */
export interface JobDetails extends JobSummary {
  readonly priority: number;
  readonly retryLimit: number;
  readonly key: string | null;
  readonly output: unknown;
  /** For a dead letter: the original job. */
  readonly sourceQueue: string | null;
  readonly sourceId: string | null;
  /** Its attempts; of a dead letter, those of the original. */
  readonly history: readonly AttemptRecord[];
  /** Its progress and log; undefined without any. */
  readonly report: JobReportRow | undefined;
}

/** An attempt. */
export interface AttemptRecord {
  readonly attempt: number;
  readonly worker: string;
  readonly startedAt: Date;
  readonly endedAt: Date | null;
  readonly outcome: JobAttemptOutcome | 'running' | 'completed' | 'cancelled' | 'lost';
  readonly error: string | null;
}

/** A queue's unfinished jobs. */
export interface QueueCounts {
  readonly queue: string;
  /** Waiting for a worker; `oldestReadySeconds` is how long the first one has waited. */
  readonly ready: number;
  readonly oldestReadySeconds: number;
  /** Waiting for their next retry. */
  readonly retrying: number;
  /** Waiting for their start time. */
  readonly deferred: number;
  /** Waiting for the jobs that they come after. */
  readonly blocked: number;
  readonly active: number;
  readonly failed: number;
  /** Dead letters, which wait for an operator. */
  readonly dead: number;
}
