import { setTimeout as sleep } from 'node:timers/promises';

/** Only ends tests that hang; a slow, busy machine needs a tenth of it. */
const LIMIT_MS = 120_000;

/** The longest interval between polls. */
const MAX_INTERVAL_MS = 100;

/**
 * Waits until a function returns a truthy value, and returns it. It polls less often the longer it waits, because a poll
 * may be a query or a request.
 *
 * @throws Error naming the condition if it does not hold in time
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
      throw new Error(`gave up after waiting ${LIMIT_MS} ms: ${typeof what === 'string' ? what : what()}`);
    await sleep(Math.min(MAX_INTERVAL_MS, 10 + waitedMs / 20));
  }
}
