import type { QueueContract } from './contract.ts';

/** A job of a flow. */
export interface Step {
  readonly contract: QueueContract;
  readonly payload: object;
  readonly after: readonly Step[];
  readonly startAfter: Date | undefined;
}

/**
 * Describes a job for `queue.flow`.
 *
 * @param options.after the jobs that must be completed before it starts
 * @param options.startAfter when it may start at the earliest
 */
export function step<Payload extends object>(
  contract: QueueContract<Payload>,
  payload: NoInfer<Payload>,
  { after = [], startAfter }: { readonly after?: readonly Step[]; readonly startAfter?: Date } = {},
): Step {
  return { contract, payload, after, startAfter };
}
