import type { FastifyInstance } from 'fastify';
import type { JobEnd } from './events.ts';

/** Writes a line for every attempt: which job, which try, how long, how it ended, and the request that caused it. */
export function logJobs({ queue, log }: FastifyInstance): void {
  queue.events.on('ended', ({ outcome, error, isLast, durationMs, ...job }) => {
    const line = { ...job, durationMs: Math.round(durationMs) };
    if (outcome === 'completed') log.info(line, 'job completed');
    else if (outcome === 'handed back') log.info(line, 'job handed back, for the worker stops');
    else if (outcome === 'taken away') log.warn(line, 'job stopped: it was cancelled or taken by another');
    else log.error({ ...line, err: error }, messageOf({ outcome, isLast, queue: job.queue }));
  });
}

function messageOf({ outcome, isLast, queue }: Pick<JobEnd, 'outcome' | 'isLast' | 'queue'>): string {
  return isLast ? `job ${outcome}, kept in ${queue}.dead` : `job ${outcome}`;
}
