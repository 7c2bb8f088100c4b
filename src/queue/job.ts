import type { FastifyInstance } from 'fastify';
import type { QueueContract } from './contract.ts';
import type { Reporting } from './report.ts';
import type { Compute } from './threads.ts';

/** A job: its queue's contract and its handler. */
export interface JobDefinition {
  readonly contract: QueueContract;
  /** Throws to retry the job, TryLater to defer it, or PermanentFailure to move it to the dead letter queue. */
  run(app: FastifyInstance, payload: unknown, context: JobContext): Promise<FinalWrite | undefined>;
}

/**
 * A handler's promise. It may resolve with a final write, such as to a ledger. The job is completed after that write, which
 * does not occupy the job's slot.
 */
export type JobRun = Promise<void> | Promise<FinalWrite | undefined>;
export type FinalWrite = () => Promise<void>;

export interface JobContext extends Reporting {
  readonly id: string;
  /** 1 for the first. */
  readonly attempt: number;
  /** Aborted when the attempt times out, the job is cancelled, or the worker stops. */
  readonly signal: AbortSignal;
  /**
   * Applies the limit of the job's key, such as a recipient's domain, if there is one. Call it before the limited work.
   *
   * @throws TryLater if the job is over the limit; do not catch it
   */
  pass(key: string): Promise<void>;
  /**
   * Runs a program in a thread, which stops with the job and can report progress and log. Needs `runs: 'thread'` in the contract.
   */
  readonly compute: Compute;
}

/**
 * The payload does not fit this worker's contract. It may be from a newer release, so the job waits a day for a newer worker
 * before it goes to the dead letter queue.
 */
export class UnknownPayload extends Error {
  override readonly name = 'UnknownPayload';
}

/** Binds a handler to its contract. A job whose payload does not fit is not run. */
export function defineJob<Payload extends object>(
  contract: QueueContract<Payload>,
  handle: (app: FastifyInstance, payload: Payload, context: JobContext) => JobRun,
): JobDefinition {
  return {
    contract,
    async run(app, payload, context) {
      if (!contract.isPayload(payload)) {
        throw new UnknownPayload(
          `The payload does not fit its contract: ${contract.describeMismatch(payload)}`,
        );
      }
      return (await handle(app, payload, context)) ?? undefined;
    },
  };
}
