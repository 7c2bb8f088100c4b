import { setTimeout as sleep } from 'node:timers/promises';

/** Waits for work to end, up to a time. The work then continues, and later errors are ignored. */
export async function waitAtMost(milliseconds: number, work: Promise<unknown>): Promise<void> {
  await Promise.race([work, sleep(milliseconds, undefined, { ref: false })]);
}
