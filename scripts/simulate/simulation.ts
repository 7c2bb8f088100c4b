import { generateMersenne53Randomizer } from '@faker-js/faker';
import TinyQueue from 'tinyqueue';

/** Waits for something, then goes on. */
export type Wait = (goOn: () => void) => void;

/** What happens to one request or job. It yields whatever it waits for. */
export type Life = Generator<Wait, void, void>;

interface Event {
  readonly at: number;
  readonly happen: () => void;
}

/** Events in the order of their times, in milliseconds. The same seed gives the same numbers. */
export class Simulation {
  now = 0;
  readonly #events = new TinyQueue<Event>([], (one, other) => one.at - other.at);
  readonly #randomizer: ReturnType<typeof generateMersenne53Randomizer>;

  constructor(seed: number) {
    this.#randomizer = generateMersenne53Randomizer(seed);
  }

  /** A random number in [0, 1). */
  random(): number {
    return this.#randomizer.next();
  }

  /** A random time between events that come independently of each other. */
  interval(mean: number): number {
    return -mean * Math.log(1 - this.random());
  }

  start(life: Life): void {
    const goOn = () => {
      const { done, value } = life.next();
      if (!done) value(goOn);
    };
    goOn();
  }

  after(ms: number): Wait {
    return (happen) => this.#events.push({ at: this.now + ms, happen });
  }

  runUntil(end: number): void {
    for (let next = this.#events.peek(); next !== undefined && next.at <= end; next = this.#events.peek()) {
      this.#events.pop();
      this.now = next.at;
      next.happen();
    }
    this.now = end;
  }
}

/** Servers with one line in front of them: cores, connections, or an event loop. */
export class Station {
  /** How long its servers have worked in total. */
  busyMs = 0;
  readonly servers: number;
  #free: number;
  readonly #line: (() => void)[] = [];

  constructor(servers: number) {
    this.servers = servers;
    this.#free = servers;
  }

  readonly enter: Wait = (goOn) => {
    if (this.#free === 0) {
      this.#line.push(goOn);
      return;
    }
    this.#free -= 1;
    goOn();
  };

  leave(): void {
    const next = this.#line.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }
}
