import type { EventEmitter } from 'node:events';
import type { JobAttemptOutcome } from '../schema.ts';

/** What the consumers of a worker tell: the log, the metrics and the alarms listen. */
export type JobEvents = EventEmitter<{ ended: [JobEnd] }>;

/** How one attempt at a job ended. */
export interface JobEnd {
  readonly queue: string;
  readonly jobId: string;
  readonly attempt: number;
  readonly durationMs: number;
  readonly requestId: string | undefined;
  readonly outcome: JobAttemptOutcome | 'completed' | 'taken away';
  readonly error: unknown;
  /** Whether the job went to its dead letter queue. */
  readonly isLast: boolean;
}
