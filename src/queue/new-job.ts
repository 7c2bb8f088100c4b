import type { QueueContract } from './contract.ts';
import { type Origin, pack } from './origin.ts';

/** A job as pg-boss takes it: its payload with its origin, and its contract's options. */
export function newJob(contract: QueueContract, payload: object, origin: Origin) {
  return {
    data: pack(payload, origin),
    priority: contract.priority ?? 0,
    ...(contract.key && { singletonKey: contract.key.of(payload) }),
    ...(contract.perKey && { group: { id: contract.perKey.of(payload) } }),
  };
}

/** @throws TypeError if a payload does not fit its contract */
export function assertPayload(contract: QueueContract, payload: unknown): void {
  const fault = contract.describeMismatch(payload);
  if (fault !== undefined) throw new TypeError(`${contract.name} job: ${fault}`);
}

/**
 * A job that is not enqueued because of its key would be waited for forever.
 *
 * @throws TypeError if the queue has keys
 */
export function assertKeyless(contract: QueueContract, where: string): void {
  if (contract.key !== undefined)
    throw new TypeError(`${contract.name} job: a queue with keys cannot be part of ${where}`);
}
