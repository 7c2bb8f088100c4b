import type { FastifyInstance } from 'fastify';
import { PermanentFailure } from '../errors.ts';
import type { QueueContract } from './contracts.ts';

/** A job: its queue's contract and its handler. */
export interface JobDefinition {
  readonly contract: QueueContract;
  /** Throws to retry the job, or PermanentFailure to move it to the dead letter queue. */
  run(app: FastifyInstance, payload: unknown, context: JobContext): JobRun;
}

/**
 * A handler's promise. It may resolve with a final write, such as to the ledger. The job is completed after that, but its
 * slot is already free, so it does not wait for the disk.
 */
export type JobRun = Promise<void> | Promise<(() => Promise<void>) | undefined>;

export interface JobContext {
  readonly id: string;
  /** 1 for the first. */
  readonly attempt: number;
  /** Aborted when the attempt times out, the job is cancelled, or the worker stops. */
  readonly signal: AbortSignal;
}

/** Binds a handler to its contract. A payload that does not fit goes to the dead letter queue without running. */
export function defineJob<Payload extends object>(
  contract: QueueContract<Payload>,
  handle: (app: FastifyInstance, payload: Payload, context: JobContext) => JobRun,
): JobDefinition {
  return {
    contract,
    async run(app, payload, context) {
      if (!contract.isPayload(payload)) {
        throw new PermanentFailure(`The payload does not fit its contract: ${contract.faultOf(payload)}`);
      }
      return (await handle(app, payload, context)) ?? undefined;
    },
  };
}
