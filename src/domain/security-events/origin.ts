import { AsyncLocalStorage } from 'node:async_hooks';

/** Where the current request comes from. */
export interface Origin {
  /** Null for a visitor, or outside of a request. */
  readonly userId: number | null;
  /** The IP address; null outside of a request. */
  readonly address: string | null;
  /** As the client describes itself; empty if it does not. */
  readonly userAgent: string;
}

const UNKNOWN: Origin = { userId: null, address: null, userAgent: '' };

/**
 * The request context. Any function that changes an account can record who did it, without a parameter passed through
 * all its callers.
 */
const origins = new AsyncLocalStorage<() => Origin>();

/** @param origin called for each event, because the user is not yet known when the request starts */
export function runWithOrigin(origin: () => Origin, work: () => void): void {
  origins.run(origin, work);
}

export function currentOrigin(): Origin {
  return origins.getStore()?.() ?? UNKNOWN;
}
