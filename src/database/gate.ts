import { Busy } from '../errors.ts';
import { OutOfTime } from './unavailable.ts';

/** Requests that may wait for their first connection. */
const MAX_WAITING = 1_000;

/** How long a request may wait for its first connection. Any later, too little of its time would be left. */
const MAX_WAIT_MS = 1_000;

/** A request or job that needs a connection. */
export interface Caller {
  /** Whether it goes before all others, because every moment counts. */
  readonly isUrgent?: boolean | undefined;
  /** Whether it may use the connections that are reserved from ordinary pages. */
  readonly isVital: boolean;
  /** Whether it has had a connection before. Work that has begun is finished first, so that none is wasted. */
  readonly hasBegun: boolean;
  /** How long it may wait, in milliseconds. */
  readonly waitMs: number;
}

/** Waiting callers, in order of arrival. */
type Line = Set<() => void>;

/** Gives callers their turns at a pool's connections. Limits how many wait, and for how long. */
export class Gate {
  #free: number;
  readonly #reserve: number;
  readonly #urgent: Line = new Set();
  readonly #vital: Line = new Set();
  readonly #begun: Line = new Set();
  readonly #fresh: Line = new Set();

  /** @param connections the pool's size; a quarter of it is reserved for vital callers */
  constructor(connections: number) {
    this.#free = connections;
    this.#reserve = Math.max(1, Math.floor(connections / 4));
  }

  /**
   * Waits for a turn. `leave` ends it.
   *
   * @throws Busy if too many are waiting, or a request that has not begun has waited too long
   * @throws OutOfTime if one that has begun has waited too long
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
