import { type Claim, untilAborted } from './claim.ts';
import { TimedOut } from './errors.ts';
import type { FinalWrite, JobContext, JobDefinition } from './job.ts';
import { cancelOlder } from './jobs-table.ts';
import { isNewestOnly } from './keys.ts';
import type { Parts } from './options.ts';
import { refuseToCompute, type Threads } from './threads.ts';

interface Dependencies
  extends Pick<Parts, 'app' | 'db' | 'context' | 'logFailure'>,
    Pick<JobContext, 'pass'> {
  readonly threads: Threads;
}

/**
 * Runs a claimed job until it ends, its signal is aborted, or it times out.
 *
 * @returns its final write, if it has one
 */
export async function runJob(
  job: JobDefinition,
  claim: Claim,
  { threads, pass, ...parts }: Dependencies,
): Promise<FinalWrite | undefined> {
  const { jobId, attempt, payload, origin, report, controller } = claim;
  const { name, timeoutSeconds, runs } = job.contract;
  const { signal } = controller;
  signal.throwIfAborted();
  const timedOut = () => controller.abort(new TimedOut(`timed out after ${timeoutSeconds} seconds`));
  const timeout = setTimeout(timedOut, timeoutSeconds * 1000);
  const reporting = report.reporting(parts);
  const compute = runs === 'thread' ? threads.computeFor({ signal, ...reporting }) : refuseToCompute;
  const context = { id: jobId, attempt, signal, pass, compute, ...reporting };
  const run = async () => {
    if (isNewestOnly(job.contract)) await cancelOlder(parts.db, claim);
    return job.run(parts.app, payload, context);
  };
  try {
    const running = { queue: name, jobId, attempt, origin };
    return await parts.context.run(running, () => untilAborted(run(), signal));
  } finally {
    clearTimeout(timeout);
    await report.end(parts);
  }
}
