import type { QueueContract } from './contract.ts';
import type { Share } from './share.ts';
import type { Db } from './tables.ts';

export type PayloadOf<Contract> = Contract extends QueueContract<infer Payload> ? Payload : never;

export interface SendOptions {
  /** The transaction of the change that causes the job. The job exists if and only if it commits. */
  readonly db: Db;
  /** Instead of the contract's. */
  readonly priority?: number;
  /** When the job may start. */
  readonly startAfter?: Date;
  /** Instead of the contract's unique key. Only for queues that have one. */
  readonly unique?: string;
}

/** The queue as the domain sees it. */
export interface Queue {
  /**
   * Enqueues a job.
   *
   * @returns the job's id; undefined if a job with the same unique key is already waiting
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
    },
  ): Promise<void>;
}
