/** Slots that are handed out in the order of waiting. */
export class Slots {
  #free: number;
  readonly #waiting: { most: number; grant(count: number): void }[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  /** Waits for a free slot. Returns the number of slots taken: 1 to `most`, or 0 once the signal is aborted. */
  take(most: number, signal: AbortSignal): Promise<number> {
    if (signal.aborted) return Promise.resolve(0);
    return new Promise((resolve) => {
      const withdraw = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        resolve(0);
      };
      const waiter = {
        most,
        grant(count: number) {
          signal.removeEventListener('abort', withdraw);
          resolve(count);
        },
      };
      signal.addEventListener('abort', withdraw, { once: true });
      this.#waiting.push(waiter);
      this.release(0);
    });
  }

  /** Releases slots. Whoever has waited longest gets them. */
  release(count: number): void {
    this.#free += count;
    while (this.#free > 0) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      const granted = Math.min(next.most, this.#free);
      this.#free -= granted;
      next.grant(granted);
    }
  }
}
