import type { Counts } from '../domain/shared-counts.ts';

interface Count {
  /** Of this process. */
  mine: number;
  /** How much of `mine` is part of `total`. */
  shared: number;
  /** Of all processes, when it was last asked for. */
  total: number;
}

/**
 * Counts requests in windows of time that are the same in all processes. Each counts in its memory and shares with
 * the others now and then, so that a request costs no query; a count lags behind by what the others saw since.
 */
export class RequestCounter {
  readonly #windowMs: number;
  readonly #share: (counts: Counts, windowEnd: number) => Promise<Counts>;
  #counts = new Map<string, Count>();
  #windowEnd = 0;

  /** @param share adds the counts of the window that ends at `windowEnd` (ms since 1970) to all, and returns all */
  constructor(windowMs: number, share: (counts: Counts, windowEnd: number) => Promise<Counts>) {
    this.#windowMs = windowMs;
    this.#share = share;
  }

  /** Counts one. Returns how many there were in this window, and the seconds until it ends. */
  add(key: string, now = Date.now()): { count: number; secondsLeft: number } {
    if (now >= this.#windowEnd) {
      this.#windowEnd = (Math.floor(now / this.#windowMs) + 1) * this.#windowMs;
      this.#counts = new Map();
    }
    const counted = this.#counts.get(key) ?? { mine: 0, shared: 0, total: 0 };
    counted.mine += 1;
    this.#counts.set(key, counted);
    return {
      count: counted.total + counted.mine - counted.shared,
      secondsLeft: Math.ceil((this.#windowEnd - now) / 1000),
    };
  }

  /** Tells the others what is new here, and learns what they counted. */
  async share(): Promise<void> {
    const news = new Map<string, { counted: Count; mine: number; isNew: number }>();
    for (const [key, counted] of this.#counts) {
      const isNew = counted.mine - counted.shared;
      if (isNew > 0) news.set(key, { counted, mine: counted.mine, isNew });
    }
    if (news.size === 0) return;
    const totals = await this.#share(
      new Map([...news].map(([key, { isNew }]) => [key, isNew])),
      this.#windowEnd,
    );
    for (const [key, { counted, mine }] of news) {
      counted.shared = mine;
      counted.total = totals.get(key) ?? mine;
    }
  }
}
