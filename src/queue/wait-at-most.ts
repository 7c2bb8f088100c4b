import { setTimeout as sleep } from 'node:timers/promises';

/** Waits for work to end, but no longer than this. The work goes on, and its errors after that are of no interest. */
export async function waitAtMost(milliseconds: number, work: Promise<unknown>): Promise<void> {
  await Promise.race([work, sleep(milliseconds, undefined, { ref: false })]);
}
