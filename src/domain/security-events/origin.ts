import { AsyncLocalStorage } from 'node:async_hooks';

/** Who does what is being done, and from where. */
export interface Origin {
  /** Null for a visitor, and where no request is being answered. */
  readonly userId: number | null;
  /** The network address; null where no request is being answered. */
  readonly address: string | null;
}

const UNKNOWN: Origin = { userId: null, address: null };

/**
 * It follows a request through all it calls, so that whatever changes an account can record who did it without being
 * handed it by all its callers.
 */
const origins = new AsyncLocalStorage<() => Origin>();

/** @param origin is asked each time an event is recorded, because a request begins before it is known whose it is */
export function runWithOrigin(origin: () => Origin, work: () => void): void {
  origins.run(origin, work);
}

export function currentOrigin(): Origin {
  return origins.getStore()?.() ?? UNKNOWN;
}
