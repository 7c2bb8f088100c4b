import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import pLimit, { type LimitFunction } from 'p-limit';
import { Piscina } from 'piscina';
import type { Task, Told } from './compute-thread.ts';
import { NoFreeThread, TimedOut } from './errors.ts';
import type { Reporting } from './report.ts';
import { Slots } from './slots.ts';

/** What a computation is given besides its input. */
export interface ThreadContext extends Pick<Reporting, 'progress' | 'log'> {
  /** Aborted when its job times out, is cancelled, or is to stop. Half a second later the thread is terminated. */
  readonly signal: AbortSignal;
}

/** A function that runs in a thread. Its input and output are copied, as `structuredClone` does. */
export type Computation = (input: never, context: ThreadContext) => unknown;

/** A module whose default export is a computation. `import type` gives its type. */
export interface Program<Run extends Computation = Computation> {
  readonly url: URL;
  /** Only for its type. */
  readonly run?: Run;
}

/**
 * Runs a program in a thread, and resolves with what it returns. What it throws arrives as an ordinary error: return what the
 * caller should tell apart.
 *
 * @param options.timeoutMs how long it may take once it has started
 * @throws TimedOut
 * @throws NoFreeThread if too many wait for a thread, or it has waited for too long
 */
export type Compute = <Run extends Computation>(
  program: Program<Run>,
  input: Parameters<Run>[0],
  options?: { readonly timeoutMs?: number },
) => Promise<Awaited<ReturnType<Run>>>;

/** For callers that have no threads. */
export const computeNothing: Compute = () =>
  Promise.reject(new TypeError("compute: the queue's contract needs runs: 'thread'"));

/** Computations that may wait for a thread, and for how long, including the thread's start. */
const MAX_WAITING = 100;
const MAX_WAIT_MS = 10_000;

/** How long a computation may go on after it was told to stop. */
const PARTING_MS = 500;

/** How long an idle thread is kept. */
const IDLE_MS = 5 * 60_000;

/** Heap per thread, in MiB. */
const MAX_HEAP = 128;

/** Who asks for a computation: what stops it, and who is told how far it is. */
type Caller = Partial<ThreadContext>;

/**
 * Threads for computations, which would block everything else. The first computation starts the first thread, and one that
 * does not stop when it is told to is ended with its thread.
 */
export class Threads {
  /** One for each thread, for callers that only begin when one is free. */
  readonly slots: Slots;
  readonly #pool: Piscina<Task, unknown>;
  /** The pool has a line too, but starts no new thread for it after it has terminated one. */
  readonly #line: LimitFunction;

  /** @param onIdleError is told when a thread fails that computes nothing */
  constructor(count: number, onIdleError: (error: Error) => void) {
    this.slots = new Slots(count);
    this.#line = pLimit(count);
    this.#pool = new Piscina({
      filename: new URL('./compute-thread.ts', import.meta.url).href,
      minThreads: 0,
      maxThreads: count,
      idleTimeout: IDLE_MS,
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP },
      recordTiming: false,
    });
    this.#pool.on('error', onIdleError);
  }

  /** The function that runs programs for a caller. */
  computeFor(caller: Caller = {}): Compute {
    const compute = (program: Program, input: unknown, { timeoutMs }: { timeoutMs?: number } = {}) => {
      if (this.#line.pendingCount >= MAX_WAITING) return Promise.reject(new NoFreeThread());
      const limit = new TimeLimit(timeoutMs);
      return this.#line(() => this.#run({ program: program.url.href, input }, caller, limit));
    };
    return compute as Compute;
  }

  /** Terminates all threads. */
  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  async #run(
    task: Omit<Task, 'port'>,
    { signal, progress, log }: Caller,
    limit: TimeLimit,
  ): Promise<unknown> {
    const stop = AbortSignal.any(signal === undefined ? [limit.signal] : [limit.signal, signal]);
    const end = new AbortController();
    const { port1, port2 } = new MessageChannel();
    const hear = (told: Told) => {
      if ('started' in told) limit.start();
      else if ('progress' in told) progress?.(...told.progress);
      else log?.[told.level](...told.line);
    };
    let ending: NodeJS.Timeout | undefined;
    const ask = () => {
      port1.postMessage('stop');
      ending = setTimeout(() => end.abort(), PARTING_MS);
    };
    port1.on('message', hear);
    stop.addEventListener('abort', ask);
    try {
      stop.throwIfAborted();
      const result = await this.#pool.run(
        { ...task, port: port2 },
        { transferList: [port2], signal: end.signal },
      );
      limit.signal.throwIfAborted();
      return result;
    } catch (error) {
      throw stop.aborted ? stop.reason : error;
    } finally {
      limit.clear();
      clearTimeout(ending);
      stop.removeEventListener('abort', ask);
      for (let left = receiveMessageOnPort(port1); left; left = receiveMessageOnPort(port1))
        hear(left.message);
      port1.close();
    }
  }
}

/** How long a computation may wait for its thread, and then run. */
class TimeLimit {
  readonly #runMs: number | undefined;
  readonly #controller = new AbortController();
  #timer = setTimeout(() => this.#controller.abort(new NoFreeThread()), MAX_WAIT_MS);

  constructor(runMs: number | undefined) {
    this.#runMs = runMs;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The computation has started. */
  start(): void {
    this.clear();
    if (this.#runMs === undefined) return;
    const timedOut = new TimedOut(`timed out after ${this.#runMs / 1000} seconds`);
    this.#timer = setTimeout(() => this.#controller.abort(timedOut), this.#runMs);
  }

  clear(): void {
    clearTimeout(this.#timer);
  }
}
