import type { Batch } from './batch.ts';
import type { BatchPayload, QueueContract } from './contract.ts';
import type { Share } from './share.ts';
import type { Step } from './step.ts';
import type { Db } from './tables.ts';

export type PayloadOf<Contract> = Contract extends QueueContract<infer Payload> ? Payload : never;

export interface SendOptions {
  /** The transaction of the change that causes the job. The job exists if and only if it commits. */
  readonly db: Db;
  /** Instead of the contract's. */
  readonly priority?: number;
  /** When the job may start. */
  readonly startAfter?: Date;
  /** Instead of the key that the contract gives it. Only for queues with keys. */
  readonly key?: string;
}

/** The queue as the domain sees it. */
export interface Queue {
  /**
   * Enqueues a job.
   *
   * @returns the job's id; undefined if it had no effect, because its key is taken. With a rule that replaces, that of the changed job
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
   * @throws TypeError if a payload does not fit the contract; then none is enqueued
   */
  sendAll<Payload extends object>(
    contract: QueueContract<Payload>,
    payloads: readonly NoInfer<Payload>[],
    options: Pick<SendOptions, 'db' | 'priority'> & {
      /** Whose jobs they are, so that nobody's bulk jobs make others wait for all of them. */
      readonly share?: Share;
      /** The batch that they belong to. Then `db` has to be a transaction. */
      readonly batch?: Batch;
    },
  ): Promise<void>;

  /**
   * Enqueues jobs in an order: each starts once all jobs before it are completed. A job that fails for
   * good or is cancelled holds up those after it until it is redriven or restored.
   *
   * @param steps the last ones, or all
   * @returns the ids of their jobs
   * @throws TypeError if a payload does not fit its contract, a queue has keys, or there are too many; then no job is
   *   enqueued
   */
  flow(steps: readonly Step[], options: Pick<SendOptions, 'db'>): Promise<string[]>;

  /**
   * Starts a batch: jobs that are enqueued with it by `sendAll`, in one transaction or several. Once it is closed and all of
   * them have ended, well or not, a job of this contract runs, with their counts. It does so after six days at the latest.
   *
   * @param payload without the counts
   * @param options.id so that a repeated attempt gets the same batch
   * @throws TypeError if the payload does not fit the contract, or the queue has keys
   */
  startBatch<Payload extends BatchPayload>(
    contract: QueueContract<Payload>,
    payload: NoInfer<Omit<Payload, 'counts'>>,
    options: Pick<SendOptions, 'db' | 'startAfter'> & { readonly id?: string },
  ): Promise<Batch>;

  /** Closes a batch, which then takes no more jobs. */
  closeBatch(batch: Batch, options: Pick<SendOptions, 'db'>): Promise<void>;
}
