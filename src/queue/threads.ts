import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import pLimit, { type LimitFunction } from 'p-limit';
import { Piscina } from 'piscina';
import type { Computation, Task, ThreadContext, ThreadMessage } from './compute-thread.ts';
import { NoFreeThread, TimedOut } from './errors.ts';
import { Slots } from './slots.ts';

/** A module whose default export is a computation. `import type` provides its type. */
export interface Program<Run extends Computation = Computation> {
  readonly url: URL;
  /** Never set; only carries the type. */
  readonly run?: Run;
}

/**
 * Runs a program in a thread and resolves with its result. Errors arrive without their class, so return whatever the caller
 * must distinguish.
 *
 * @param options.timeoutMs how long it may take once it has started
 * @throws TimedOut
 * @throws NoFreeThread if too many computations wait for a thread, or this one has waited too long
 */
export type Compute = <Run extends Computation>(
  program: Program<Run>,
  input: Parameters<Run>[0],
  options?: { readonly timeoutMs?: number },
) => Promise<Awaited<ReturnType<Run>>>;

/** `compute` for jobs whose contract has no threads. */
export const refuseToCompute: Compute = () =>
  Promise.reject(new TypeError("compute: the queue's contract needs runs: 'thread'"));

/** Computations that may wait for a thread, and for how long, including the thread's start. */
const MAX_WAITING = 100;
const MAX_WAIT_MS = 10_000;

/** How long a computation may continue after it was told to stop. */
const PARTING_MS = 500;

/** How long an idle thread is kept. */
const IDLE_MS = 5 * 60_000;

/** Heap per thread, in MiB. */
const MAX_HEAP = 128;

/** What stops a computation, and what receives its progress and log. */
type Caller = Partial<ThreadContext>;

/**
 * Threads for computations that would block the event loop. The first computation starts the first thread. A computation that does
 * not stop when told to is terminated with its thread.
 */
export class Threads {
  /** One slot per thread, for callers that only start when one is free. */
  readonly slots: Slots;
  readonly #pool: Piscina<Task, unknown>;
  /** Queues computations, because the pool starts no new thread for its own queue after it has terminated one. */
  readonly #line: LimitFunction;

  /** @param onIdleError called when an idle thread fails */
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
    const receive = (message: ThreadMessage) => {
      if ('started' in message) limit.start();
      else if ('progress' in message) progress?.(...message.progress);
      else log?.[message.level](...message.line);
    };
    let ending: NodeJS.Timeout | undefined;
    const requestStop = () => {
      port1.postMessage('stop');
      ending = setTimeout(() => end.abort(), PARTING_MS);
    };
    port1.on('message', receive);
    stop.addEventListener('abort', requestStop);
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
      stop.removeEventListener('abort', requestStop);
      for (let left = receiveMessageOnPort(port1); left; left = receiveMessageOnPort(port1))
        receive(left.message);
      port1.close();
    }
  }
}

/** Limits how long a computation waits for a thread, and then how long it runs. */
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

  /** Call it when the computation has started. */
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
