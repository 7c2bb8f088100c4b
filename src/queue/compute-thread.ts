import type { MessagePort } from 'node:worker_threads';
import type { Reporting } from './report.ts';

// The threads of `Threads` run this.

/** The second argument of a computation. */
export interface ThreadContext extends Pick<Reporting, 'progress' | 'log'> {
  /** Aborted when its job times out, is cancelled or must stop. Half a second later the thread is terminated. */
  readonly signal: AbortSignal;
}

/** A function that runs in a thread. Its input and output are copied as by `structuredClone`. */
export type Computation = (input: never, context: ThreadContext) => unknown;

/** A computation, with the port for messages in both directions. */
export interface Task {
  /** The program's URL. */
  readonly program: string;
  readonly input: unknown;
  readonly port: MessagePort;
}

/** A message from a computation: that it has started, its progress, or a line of its log. */
export type ThreadMessage =
  | { readonly started: true }
  | { readonly progress: Parameters<ThreadContext['progress']> }
  | { readonly level: keyof ThreadContext['log']; readonly line: readonly [fields: object, text: string] };

/** Runs a program's default export. */
export default async function compute({ program, input, port }: Task): Promise<unknown> {
  const stop = new AbortController();
  const post = (message: ThreadMessage) => port.postMessage(message);
  const log = (level: keyof ThreadContext['log']) => (fields: object, text: string) =>
    post({ level, line: [fields, text] });
  port.once('message', () => stop.abort());
  const { default: run }: { default: Computation } = await import(program);
  post({ started: true });
  return run(input as never, {
    signal: stop.signal,
    progress: (...progress) => post({ progress }),
    log: { info: log('info'), warn: log('warn'), error: log('error') },
  });
}
