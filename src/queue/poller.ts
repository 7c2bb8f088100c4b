import type { Consumer } from './consumer.ts';
import { queuesWithDueJobs } from './jobs-table.ts';
import type { Parts } from './options.ts';

/** LISTEN announces new jobs at once. Polling finds those that come due, which PostgreSQL does not announce. */
const POLL_MS = 1_000;

/** Wakes consumers whose queues have due jobs. Asks for all of a worker's queues in one statement. */
export class Poller {
  readonly #deps: Pick<Parts, 'db' | 'logFailure'>;
  readonly #consumers: ReadonlyMap<string, Consumer>;
  #timer: NodeJS.Timeout | undefined;
  #polling: Promise<void> | undefined;
  #hasPolled = false;

  constructor(deps: Pick<Parts, 'db' | 'logFailure'>, consumers: readonly Consumer[]) {
    this.#deps = deps;
    this.#consumers = new Map(consumers.map((consumer) => [consumer.job.contract.name, consumer]));
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#polling ??= this.#poll().finally(() => {
        this.#polling = undefined;
      });
    }, POLL_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Whether it has polled since the last call. */
  takeHasPolled(): boolean {
    const hasPolled = this.#hasPolled;
    this.#hasPolled = false;
    return hasPolled;
  }

  async #poll(): Promise<void> {
    try {
      const queues = await queuesWithDueJobs(this.#deps.db, [...this.#consumers.keys()]);
      for (const queue of queues) this.#consumers.get(queue)?.wake();
      this.#hasPolled = true;
    } catch (error) {
      this.#deps.logFailure(error, {}, 'could not poll for jobs');
    }
  }
}
