import type { FastifyBaseLogger } from 'fastify';

/** Logs the first of consecutive failures, and their number once they end. For what is tried every few seconds. */
export class FailureStreak {
  readonly #log: FastifyBaseLogger;
  readonly #what: string;
  readonly #details: object;
  #count = 0;

  /** @param what is tried, such as "fetching jobs" */
  constructor(log: FastifyBaseLogger, what: string, details: object = {}) {
    this.#log = log;
    this.#what = what;
    this.#details = details;
  }

  failed(error: unknown): void {
    this.#count += 1;
    if (this.#count === 1) this.#log.error({ ...this.#details, err: error }, `${this.#what} failed`);
  }

  succeeded(): void {
    if (this.#count === 0) return;
    this.#log.info({ ...this.#details, failures: this.#count }, `${this.#what} works again`);
    this.#count = 0;
  }
}
