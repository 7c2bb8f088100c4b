import { setTimeout as sleep } from 'node:timers/promises';

/** Only ends tests that hang; a slow, busy machine needs a tenth of it. */
const LIMIT_MS = 120_000;

/**
 * Waits until a function returns a truthy value, and returns it.
 *
 * @throws Error naming the condition if it does not hold in time
 */
export async function waitFor<Result>(
  condition: () => Promise<Result> | Result,
  what: string | (() => string),
): Promise<NonNullable<Exclude<Result, false>>> {
  const deadline = Date.now() + LIMIT_MS;
  for (;;) {
    const result = await condition();
    if (result) return result as NonNullable<Exclude<Result, false>>;
    if (Date.now() > deadline)
      throw new Error(`waited ${LIMIT_MS} ms in vain: ${typeof what === 'string' ? what : what()}`);
    await sleep(10);
  }
}
