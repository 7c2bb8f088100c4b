import type { MessagePort } from 'node:worker_threads';
import type { Computation, ThreadContext } from './threads.ts';

// What a thread of `Threads` runs.

/** A computation, and the port over which it is told to stop and tells how far it is. */
export interface Task {
  /** The URL of the program. */
  readonly program: string;
  readonly input: unknown;
  readonly port: MessagePort;
}

/** What a computation tells: that it has started, how far it is, or a line of its log. */
export type Told =
  | { readonly started: true }
  | { readonly progress: Parameters<ThreadContext['progress']> }
  | { readonly level: keyof ThreadContext['log']; readonly line: readonly [fields: object, text: string] };

/** Runs a program's default export. */
export default async function compute({ program, input, port }: Task): Promise<unknown> {
  const stop = new AbortController();
  const tell = (told: Told) => port.postMessage(told);
  const log = (level: keyof ThreadContext['log']) => (fields: object, text: string) =>
    tell({ level, line: [fields, text] });
  port.once('message', () => stop.abort());
  try {
    const { default: run }: { default: Computation } = await import(program);
    tell({ started: true });
    return await run(input as never, {
      signal: stop.signal,
      progress: (...progress) => tell({ progress }),
      log: { info: log('info'), warn: log('warn'), error: log('error') },
    });
  } finally {
    port.close();
  }
}
