import { setTimeout as sleep } from 'node:timers/promises';
import { isUnavailable } from './unavailable.ts';

interface Log {
  error(context: object, message: string): void;
  info(context: object, message: string): void;
}

/** How often to check whether an outage is over. */
const CHECK_MS = 1_000;

/**
 * Logs the beginning and the end of an outage of the database with the number of failures, instead of each failure.
 */
export class OutageLog {
  readonly #log: Log;
  readonly #probe: () => Promise<unknown>;
  readonly #closing = new AbortController();
  #failures = 0;
  #watching: Promise<void> | undefined;

  /** @param probe rejects while the database is unavailable */
  constructor(log: Log, probe: () => Promise<unknown>) {
    this.#log = log;
    this.#probe = probe;
  }

  /** Logs a failure: as part of an outage if the database is unavailable, otherwise by itself. */
  logFailure(error: unknown, context: object, message: string): void {
    if (isUnavailable(error)) this.report(error);
    else this.#log.error({ err: error, ...context }, message);
  }

  /** Reports that something failed because the database is unavailable. */
  report(error: unknown): void {
    this.#failures += 1;
    if (this.#watching !== undefined || this.#closing.signal.aborted) return;
    this.#log.error({ err: error }, 'the database is unavailable');
    this.#watching = this.#watch();
  }

  /** Stops checking. Does not wait for a pending check. */
  close(): void {
    this.#closing.abort();
  }

  async #watch(): Promise<void> {
    const { signal } = this.#closing;
    const since = performance.now();
    let isOver = false;
    while (!isOver) {
      const known = this.#failures;
      await sleep(CHECK_MS, undefined, { signal, ref: false }).catch(() => {});
      if (signal.aborted) return;
      const isAvailable = await this.#probe().then(
        () => true,
        () => false,
      );
      isOver = isAvailable && known === this.#failures;
    }
    const seconds = Math.round((performance.now() - since) / 1000);
    this.#log.info({ failures: this.#failures, seconds }, 'the database is available again');
    this.#failures = 0;
    this.#watching = undefined;
  }
}
