import { setTimeout as sleep } from 'node:timers/promises';

/** Ends what hangs. A slow, busy machine needs a tenth of it. */
const LIMIT_MS = 120_000;

/** The longest time between two looks. */
const SELDOM_MS = 100;

/**
 * Waits until a condition holds, and returns what it answered. Looks less often the longer it waits: each look may be
 * a query or a request, beside tests that compute.
 *
 * @throws Error naming the condition when it does not hold in time
 */
export async function waitFor<Result>(
  condition: () => Promise<Result> | Result,
  what: string | (() => string),
): Promise<NonNullable<Exclude<Result, false>>> {
  const startedAt = Date.now();
  for (;;) {
    const result = await condition();
    if (result) return result as NonNullable<Exclude<Result, false>>;
    const waitedMs = Date.now() - startedAt;
    if (waitedMs > LIMIT_MS)
      throw new Error(`waited ${LIMIT_MS} ms in vain: ${typeof what === 'string' ? what : what()}`);
    await sleep(Math.min(SELDOM_MS, 10 + waitedMs / 20));
  }
}
