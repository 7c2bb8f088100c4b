/** Repeats some work, never twice at once. */
export class Repeater {
  readonly #work: () => Promise<unknown>;
  readonly #onFailure: (error: unknown) => void;
  readonly #timer: NodeJS.Timeout;
  #running: Promise<void> | undefined;

  /** @param options.everyMs from one start to the next, unless the work takes longer */
  constructor(
    work: () => Promise<unknown>,
    { everyMs, onFailure }: { everyMs: number; onFailure: (error: unknown) => void },
  ) {
    this.#work = work;
    this.#onFailure = onFailure;
    this.#timer = setInterval(() => this.runNow(), everyMs);
  }

  /** Runs the work, unless it is running. */
  runNow(): void {
    this.#running ??= this.#work()
      .then(() => {}, this.#onFailure)
      .finally(() => {
        this.#running = undefined;
      });
  }

  /** Starts no more runs. Resolves when the last has ended. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }
}
