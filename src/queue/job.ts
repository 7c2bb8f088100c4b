import type { FastifyInstance } from 'fastify';
import { PermanentFailure } from '../errors.ts';
import type { QueueContract } from './contracts.ts';

/** A job: which queue it is for, and what to do with the app and a payload. */
export interface JobDefinition {
  readonly contract: QueueContract;
  /** Throws to have the job tried again, or PermanentFailure to move it to the dead letter queue. */
  run(app: FastifyInstance, payload: unknown, context: JobContext): JobRun;
}

/**
 * A handler's promise. It may resolve with a write that the job still needs: the job is completed only after it, but
 * takes no slot while it waits for the disk.
 */
export type JobRun = Promise<void> | Promise<(() => Promise<void>) | undefined>;

export interface JobContext {
  readonly id: string;
  /** 1 at the first try. */
  readonly attempt: number;
  /** Aborted when the attempt takes too long, the job is cancelled, or the worker has to stop. */
  readonly signal: AbortSignal;
}

/** Binds a handler to its contract: a payload that does not fit goes to the dead letter queue, unworked. */
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
