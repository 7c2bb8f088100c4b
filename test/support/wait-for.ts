import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Waits until a condition holds, and returns what it answered.
 *
 * @throws Error naming the condition when it does not hold in time
 */
export async function waitFor<Result>(
  condition: () => Promise<Result> | Result,
  what: string,
  timeoutMs = 10_000,
): Promise<NonNullable<Exclude<Result, false>>> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const result = await condition();
    if (result) return result as NonNullable<Exclude<Result, false>>;
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain: ${what}`);
    await sleep(10);
  }
}
