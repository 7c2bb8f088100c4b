import { setTimeout as sleep } from 'node:timers/promises';
import type { Program, ThreadContext } from '../../src/queue/index.ts';

/** What a test has a thread do. */
export type Order =
  | { readonly of: 'tell' | 'hoard' }
  | { readonly of: 'block' | 'wait'; readonly milliseconds: number };

/** A program that obeys. */
export const OBEY: Program<typeof obey> = { url: new URL(import.meta.url) };

/** Runs in a thread. */
export default async function obey(order: Order, { signal, progress, log }: ThreadContext): Promise<string> {
  switch (order.of) {
    case 'tell':
      progress(1, 2, 'half');
      log.warn({ n: 1 }, 'one is odd');
      progress(2, 2, 'all');
      return 'told';
    case 'hoard': {
      const hoard: unknown[] = [];
      for (;;) hoard.push(Array.from({ length: 10_000 }, Math.random));
    }
    case 'block':
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, order.milliseconds);
      return 'blocked';
    case 'wait':
      await sleep(order.milliseconds, undefined, { signal }).catch(() => log.info({}, 'told to stop'));
      return 'waited';
  }
}
