import type { FastifyInstance } from 'fastify';
import { type Claim, untilAborted } from './claim.ts';
import { TimedOut } from './errors.ts';
import type { JobContext, JobDefinition } from './job.ts';
import { computeNothing, type Threads } from './threads.ts';

interface Means extends Pick<JobContext, 'pass'> {
  readonly app: FastifyInstance;
  readonly threads: Threads;
}

/**
 * Runs a claimed job, at most until its signal is aborted or it has timed out.
 *
 * @returns its final write, if it has one
 */
export async function runJob(
  job: JobDefinition,
  { jobId, attempt, payload, origin, report, controller }: Claim,
  { app, threads, pass }: Means,
): Promise<(() => Promise<void>) | undefined> {
  const { name, timeoutSeconds, runs } = job.contract;
  const { signal } = controller;
  signal.throwIfAborted();
  const timedOut = () => controller.abort(new TimedOut(`timed out after ${timeoutSeconds} seconds`));
  const timeout = setTimeout(timedOut, timeoutSeconds * 1000);
  const work = { label: `job ${name}`, requestId: origin.requestId };
  const span = {
    name: work.label,
    kind: 'consumer',
    attributes: { 'job.id': jobId, 'job.attempt': attempt },
    parent: origin.traceparent,
  } as const;
  const reporting = report.reporting(app);
  const compute = runs === 'thread' ? threads.computeFor({ signal, ...reporting }) : computeNothing;
  const context = { id: jobId, attempt, signal, pass, compute, ...reporting };
  const run = async () => (await job.run(app, payload, context)) ?? undefined;
  try {
    return await app.work.run(work, () => app.tracing.span(span, () => untilAborted(run(), signal)));
  } finally {
    clearTimeout(timeout);
    await report.end(app);
  }
}
