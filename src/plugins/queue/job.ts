import type { FastifyInstance } from 'fastify';
import { PermanentFailure } from '../../errors.ts';
import type { QueueContract } from '../../queues.ts';

/** A job: which queue it is for, and what to do with the app and one payload. */
export interface JobDefinition {
  readonly contract: QueueContract;
  /** Throws to have the job tried again, or PermanentFailure to give it up to the dead letter queue. */
  run(app: FastifyInstance, payload: unknown, context: JobContext): Promise<void>;
}

export interface JobContext {
  readonly id: string;
  /** 1 at the first try. */
  readonly attempt: number;
  /** Aborted when the attempt has taken too long, the job was cancelled, or the worker has to stop. */
  readonly signal: AbortSignal;
  /**
   * Leaves something to be written down when the handler has ended. The job counts as done only then, but takes no
   * slot while it waits for the disk.
   */
  afterwards(write: () => Promise<void>): void;
}

/** Binds a handler to its contract: it gets only payloads that fit, and any other is given up at once. */
export function defineJob<Payload extends object>(
  contract: QueueContract<Payload>,
  handle: (app: FastifyInstance, payload: Payload, context: JobContext) => Promise<void>,
): JobDefinition {
  return {
    contract,
    async run(app, payload, context) {
      if (!contract.isPayload(payload)) {
        throw new PermanentFailure(`The payload does not fit its contract: ${contract.faultOf(payload)}`);
      }
      await handle(app, payload, context);
    },
  };
}
