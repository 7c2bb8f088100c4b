import type { FastifyInstance } from 'fastify';
import type { QueueContract } from './contract.ts';
import type { Reporting } from './report.ts';
import type { Compute } from './threads.ts';

/** A job: its queue's contract and its handler. */
export interface JobDefinition {
  readonly contract: QueueContract;
  /** Throws to retry the job, TryLater to defer it, or PermanentFailure to move it to the dead letter queue. */
  run(app: FastifyInstance, payload: unknown, context: JobContext): JobRun;
}

/**
 * A handler's promise. It may resolve with a final write, such as to the ledger. The job is completed after that, but its
 * slot is already free, so it does not wait for the disk.
 */
export type JobRun = Promise<void> | Promise<(() => Promise<void>) | undefined>;

export interface JobContext extends Reporting {
  readonly id: string;
  /** 1 for the first. */
  readonly attempt: number;
  /** Aborted when the attempt times out, the job is cancelled, or the worker stops. */
  readonly signal: AbortSignal;
  /**
   * Asks whether the job may go on under the limit of its key, such as a recipient's domain. Costs nothing while there is none.
   *
   * @throws TryLater if it is not its turn yet; let it end the job
   */
  pass(key: string): Promise<void>;
  /**
   * Runs a program in a thread, which is told to stop with the job and can tell its progress and log. Needs `runs: 'thread'` in
   * the contract.
   */
  readonly compute: Compute;
}

/**
 * The payload does not fit this worker's contract. It may be from a newer release, so the job waits for a newer worker for
 * a day. After that it goes to the dead letter queue.
 */
export class UnknownPayload extends Error {
  override readonly name = 'UnknownPayload';
}

/** Binds a handler to its contract. A payload that does not fit is not run. */
export function defineJob<Payload extends object>(
  contract: QueueContract<Payload>,
  handle: (app: FastifyInstance, payload: Payload, context: JobContext) => JobRun,
): JobDefinition {
  return {
    contract,
    async run(app, payload, context) {
      if (!contract.isPayload(payload)) {
        throw new UnknownPayload(`The payload does not fit its contract: ${contract.faultOf(payload)}`);
      }
      return (await handle(app, payload, context)) ?? undefined;
    },
  };
}
