import type { Batch } from './batch.ts';
import type { BatchPayload, QueueContract } from './contract.ts';
import type { Share } from './share.ts';
import type { Step } from './step.ts';
import type { Db } from './tables.ts';

export type PayloadOf<Contract> = Contract extends QueueContract<infer Payload> ? Payload : never;

export interface SendOptions {
  /** The transaction of the change that causes the job. The job exists if and only if it commits. */
  readonly db: Db;
  /** Default: the contract's. */
  readonly priority?: number;
  /** When the job may start. */
  readonly startAfter?: Date;
}

/** The queue as the domain sees it. */
export interface Queue {
  /**
   * Enqueues a job.
   *
   * @returns the id of the new job, or of the one that it replaced; undefined if its key is taken, so that it had no effect
   * @throws TypeError if the payload does not fit the contract
   */
  send<Payload extends object>(
    contract: QueueContract<Payload>,
    payload: NoInfer<Payload>,
    options: SendOptions,
  ): Promise<string | undefined>;

  /**
   * Enqueues many jobs of one queue in one statement.
   *
   * @throws TypeError if a payload does not fit the contract; then no job is enqueued
   */
  sendAll<Payload extends object>(
    contract: QueueContract<Payload>,
    payloads: readonly NoInfer<Payload>[],
    options: Pick<SendOptions, 'db' | 'priority'> & {
      /** The share that the jobs belong to, so that they do not delay other shares' jobs. */
      readonly share?: Share;
      /** The batch to add the jobs to. Then `db` must be a transaction. */
      readonly batch?: Batch;
    },
  ): Promise<void>;

  /**
   * Enqueues jobs that depend on each other: each starts once all jobs before it are completed. A job that fails for good or is
   * cancelled holds up those after it until it is redriven or restored.
   *
   * @param steps the last steps, or all of them
   * @returns the ids of these steps' jobs
   * @throws TypeError if a payload does not fit its contract, a queue has keys, or there are too many steps; then no job is
   *   enqueued
   */
  flow(steps: readonly Step[], options: Pick<SendOptions, 'db'>): Promise<string[]>;

  /**
   * Starts a batch, to which `sendAll` adds jobs in one or several transactions. Once it is closed and all its jobs have ended,
   * successfully or not, a job of this contract runs with their counts; after six days at the latest.
   *
   * @param payload without the counts
   * @param options.id makes a repeated call return the same batch
   * @throws TypeError if the payload does not fit the contract, or the queue has keys
   */
  startBatch<Payload extends BatchPayload>(
    contract: QueueContract<Payload>,
    payload: NoInfer<Omit<Payload, 'counts'>>,
    options: Pick<SendOptions, 'db'> & { readonly id?: string },
  ): Promise<Batch>;

  /** Closes a batch, which then takes no more jobs. */
  closeBatch(batch: Batch, options: Pick<SendOptions, 'db'>): Promise<void>;
}
