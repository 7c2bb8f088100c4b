import type { EventEmitter } from 'node:events';
import type { FastifyBaseLogger } from 'fastify';
import type { JobAttemptOutcome } from './tables.ts';

/** Events of a worker's consumers, for the log, metrics and alarms. */
export type JobEvents = EventEmitter<{ ended: [JobEnd] }>;

/** The end of an attempt. */
export interface JobEnd {
  readonly queue: string;
  readonly jobId: string;
  readonly attempt: number;
  readonly durationMs: number;
  /** Since the job was enqueued. */
  readonly ageMs: number;
  readonly requestId: string | undefined;
  readonly outcome: JobAttemptOutcome | 'completed' | 'taken away';
  readonly error: unknown;
  /** Whether the job went to its dead letter queue. */
  readonly isLast: boolean;
}

/** Logs every attempt with its job, number, duration, the job's age, outcome and the request that caused it. */
export function logJobs(events: JobEvents, log: FastifyBaseLogger): void {
  events.on('ended', ({ outcome, error, isLast, durationMs, ageMs, ...job }) => {
    const line = { ...job, durationMs: Math.round(durationMs), ageMs: Math.round(ageMs) };
    if (outcome === 'completed') log.info(line, 'job completed');
    else if (outcome === 'handed back' || outcome === 'deferred')
      log.info({ ...line, reason: messageOfError(error) }, `job ${outcome}`);
    else if (outcome === 'taken away')
      log.warn(line, 'job stopped: it was cancelled or taken by another worker');
    else log.error({ ...line, err: error }, messageOf({ outcome, isLast, queue: job.queue }));
  });
}

function messageOfError(error: unknown): string {
  return error instanceof Error ? error.message : 'it had not been started';
}

function messageOf({ outcome, isLast, queue }: Pick<JobEnd, 'outcome' | 'isLast' | 'queue'>): string {
  return isLast ? `job ${outcome}, kept in ${queue}.dead` : `job ${outcome}`;
}
