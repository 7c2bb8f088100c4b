import { Busy } from '../errors.ts';
import { OutOfTime } from './unavailable.ts';

/** Requests that may wait for their first connection. */
const MAX_WAITING = 1_000;

/** How long a request may wait for its first connection. Later would leave too little of its time for the rest. */
const MAX_WAIT_MS = 1_000;

/** A request or job that needs a connection. */
export interface Caller {
  /** Whether it goes before all others, because each moment counts. */
  readonly isUrgent?: boolean | undefined;
  /** Whether it may use the connections that are kept free of ordinary pages. */
  readonly isVital: boolean;
  /** Whether it has had a connection before. What has begun is finished first, so that no work is wasted. */
  readonly hasBegun: boolean;
  /** How long it may wait, in milliseconds. */
  readonly waitMs: number;
}

/** Who waits, in order of arrival. */
type Line = Set<() => void>;

/** Gives each caller its turn at a pool's connections. Bounds how many wait, and for how long. */
export class Gate {
  #free: number;
  readonly #reserve: number;
  readonly #urgent: Line = new Set();
  readonly #vital: Line = new Set();
  readonly #begun: Line = new Set();
  readonly #fresh: Line = new Set();

  /** @param connections in total; a quarter of them is kept for vital callers */
  constructor(connections: number) {
    this.#free = connections;
    this.#reserve = Math.max(1, Math.floor(connections / 4));
  }

  /**
   * Waits for a turn. `leave` ends it.
   *
   * @throws Busy if too many wait before a request that has not begun, or OutOfTime
   */
  async enter({ isUrgent, isVital, hasBegun, waitMs }: Caller): Promise<void> {
    if (this.#free > (isVital ? 0 : this.#reserve)) {
      this.#free -= 1;
      return;
    }
    const line = isUrgent ? this.#urgent : isVital ? this.#vital : hasBegun ? this.#begun : this.#fresh;
    if (!hasBegun && line.size >= MAX_WAITING) throw new Busy();
    await new Promise<void>((resolve, reject) => {
      const admit = () => {
        clearTimeout(timer);
        resolve();
      };
      const giveUp = () => {
        line.delete(admit);
        reject(hasBegun ? new OutOfTime() : new Busy());
      };
      const timer = setTimeout(giveUp, Math.max(1, hasBegun ? waitMs : Math.min(waitMs, MAX_WAIT_MS)));
      line.add(admit);
    });
  }

  leave(): void {
    this.#free += 1;
    const first = [this.#urgent, this.#vital];
    const lines = this.#free > this.#reserve ? [...first, this.#begun, this.#fresh] : first;
    const line = lines.find(({ size }) => size > 0);
    const [admit] = line ?? [];
    if (line === undefined || admit === undefined) return;
    line.delete(admit);
    this.#free -= 1;
    admit();
  }
}
