import type { FastifyInstance } from 'fastify';
import { PermanentFailure } from '../errors.ts';
import type { QueueContract } from './contracts.ts';

/** A job: which queue it is for, and what to do with the app and payloads. */
export interface JobDefinition {
  readonly contract: QueueContract;
  /**
   * Takes jobs over that were fetched together, and gives for each what runs it. A run throws to have the job tried
   * again, or PermanentFailure to give it up to the dead letter queue.
   */
  take(app: FastifyInstance, jobs: readonly FetchedJob[]): readonly JobRun[];
}

export type JobRun = (context: JobContext) => Promise<void>;

export interface FetchedJob<Payload = unknown> {
  readonly id: string;
  readonly payload: Payload;
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
    take: (app, jobs) =>
      jobs.map(({ payload }) => async (context) => {
        if (!contract.isPayload(payload)) throw misfit(contract, payload);
        await handle(app, payload, context);
      }),
  };
}

/**
 * Like `defineJob`, for a job that does the same look-up every time: the jobs that are fetched together get it with
 * one call.
 *
 * @param load gives what each of the jobs needs, in their order
 */
export function defineJobWith<Payload extends object, Loaded>(
  contract: QueueContract<Payload>,
  load: (app: FastifyInstance, jobs: readonly FetchedJob<Payload>[]) => Promise<readonly Loaded[]>,
  handle: (app: FastifyInstance, payload: Payload, context: JobContext, loaded: Loaded) => Promise<void>,
): JobDefinition {
  return {
    contract,
    take(app, jobs) {
      const fitting = jobs.flatMap(({ id, payload }) =>
        contract.isPayload(payload) ? [{ id, payload }] : [],
      );
      const loading = load(app, fitting);
      loading.catch(() => {}); // Each run that waits for it says so.
      return jobs.map(({ id, payload }) => async (context) => {
        if (!contract.isPayload(payload)) throw misfit(contract, payload);
        const loaded = (await loading)[fitting.findIndex((job) => job.id === id)];
        if (loaded === undefined) throw new Error(`nothing was loaded for job ${id}`);
        await handle(app, payload, context, loaded);
      });
    },
  };
}

function misfit(contract: QueueContract, payload: unknown): PermanentFailure {
  return new PermanentFailure(`The payload does not fit its contract: ${contract.faultOf(payload)}`);
}
