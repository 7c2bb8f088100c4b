import { LRUCache } from 'lru-cache';

/** Clients whose requests a process counts at once. Those that have been silent longest are forgotten first. */
const MAX_CLIENTS = 100_000;

/** Counts by key. */
type Counts = ReadonlyMap<string, number>;

interface Count {
  /** This process's count. */
  mine: number;
  /** The part of `mine` that `total` includes. */
  shared: number;
  /** The count of all processes when they last shared. */
  total: number;
}

/**
 * Counts requests in windows that start at the same time in all processes. Each process counts in memory and shares its
 * counts regularly, so a request costs no query. Counts lack what other processes have not shared yet.
 */
export class RequestCounter {
  readonly #windowMs: number;
  readonly #share: (counts: Counts, windowEnd: number) => Promise<Counts>;
  /** Limited by size, because `max` would allocate room for all clients at once. */
  readonly #counts = new LRUCache<string, Count>({ maxSize: MAX_CLIENTS, sizeCalculation: () => 1 });
  #windowEnd = 0;

  /** @param share adds counts to the totals of the window that ends at `windowEnd` (ms since 1970) and returns the totals */
  constructor(windowMs: number, share: (counts: Counts, windowEnd: number) => Promise<Counts>) {
    this.#windowMs = windowMs;
    this.#share = share;
  }

  /** Counts a request. Returns the count in this window and the seconds until it ends. */
  add(key: string, now = Date.now()): { count: number; secondsLeft: number } {
    // The clock may have been set back.
    if (now >= this.#windowEnd || now < this.#windowEnd - this.#windowMs) {
      this.#windowEnd = (Math.floor(now / this.#windowMs) + 1) * this.#windowMs;
      this.#counts.clear();
    }
    const counted = this.#counts.get(key) ?? { mine: 0, shared: 0, total: 0 };
    counted.mine += 1;
    this.#counts.set(key, counted);
    return {
      count: counted.total + counted.mine - counted.shared,
      secondsLeft: Math.ceil((this.#windowEnd - now) / 1000),
    };
  }

  /** Adds this process's new counts to the totals and reads them. */
  async share(): Promise<void> {
    const added = new Map<string, number>();
    const shared: { key: string; counted: Count; mine: number }[] = [];
    for (const [key, counted] of this.#counts) {
      const { mine } = counted;
      if (mine === counted.shared) continue;
      added.set(key, mine - counted.shared);
      shared.push({ key, counted, mine });
    }
    if (added.size === 0) return;
    const totals = await this.#share(added, this.#windowEnd);
    for (const { key, counted, mine } of shared) {
      counted.shared = mine;
      counted.total = totals.get(key) ?? mine;
    }
  }
}
