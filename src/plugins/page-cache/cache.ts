import { LRUCache } from 'lru-cache';
import { Representation } from '../representation.ts';

interface Options {
  /** How old a page may become although nobody has announced a change: one announcement may be missed. */
  readonly maxAgeMs: number;
  readonly maxBytes: number;
}

interface CachedPage {
  readonly subject: string;
  readonly page: Representation;
  /** When its data began to be read, on the clock of `performance.now()`. */
  readonly startedAt: number;
}

/** From this share of its age on, a page is rendered anew by one of those who want it, while the others get it still. */
const DUE = 0.75;

/** What a page takes beside its text: its packed forms, and the book-keeping. As a factor of its size. */
const OVERHEAD = 1.5;

/** Every page that is kept looks different now. */
const EVERYTHING = 'everything';

/** Rendered pages, by address and by what they are about. */
export class PageCache {
  readonly #maxAgeMs: number;
  readonly #pages: LRUCache<string, CachedPage>;
  readonly #addressesOf = new Map<string, Set<string>>();
  readonly #flights = new Map<string, Flight>();

  constructor({ maxAgeMs, maxBytes }: Options) {
    this.#maxAgeMs = maxAgeMs;
    this.#pages = new LRUCache({
      maxSize: maxBytes,
      sizeCalculation: ({ page }) => Math.ceil(page.size * OVERHEAD) + 1024,
      dispose: ({ subject }, address) => this.#forgetAddress(subject, address),
    });
  }

  /** The page at an address, if it is kept and young enough; nothing also when it is for the caller to renew it. */
  find(address: string): Representation | undefined {
    const found = this.#pages.get(address);
    if (found === undefined) return undefined;
    const age = performance.now() - found.startedAt;
    if (age > this.#maxAgeMs) return undefined;
    return age > this.#maxAgeMs * DUE && !this.#flights.has(address) ? undefined : found.page;
  }

  /** The rendering of a page that somebody has begun, and that is recent enough to wait for. */
  flightTo(address: string): Flight | undefined {
    const flight = this.#flights.get(address);
    return flight && performance.now() - flight.startedAt <= this.#maxAgeMs ? flight : undefined;
  }

  /** Begins to render a page, for all who want it until it is there. Its data must be read after this. */
  begin(subject: string, address: string): Flight {
    const flight: Flight = new Flight(subject, (page) => {
      if (this.#flights.get(address) !== flight) return;
      this.#flights.delete(address);
      if (page !== undefined) this.#keep(address, { subject, page, startedAt: flight.startedAt });
    });
    if (this.#maxAgeMs > 0) this.#flights.set(address, flight);
    return flight;
  }

  /** Forgets the pages about a subject. What is being rendered now is for those who wait for it already. */
  invalidate(subject: string): void {
    for (const [address, flight] of this.#flights) {
      if (subject === EVERYTHING || flight.subject === subject) this.#flights.delete(address);
    }
    if (subject === EVERYTHING) this.#pages.clear();
    for (const address of this.#addressesOf.get(subject) ?? []) this.#pages.delete(address);
  }

  #keep(address: string, cached: CachedPage): void {
    this.#pages.set(address, cached);
    if (!this.#pages.has(address)) return; // Larger than all that may be kept.
    const addresses = this.#addressesOf.get(cached.subject) ?? new Set();
    this.#addressesOf.set(cached.subject, addresses.add(address));
  }

  #forgetAddress(subject: string, address: string): void {
    const addresses = this.#addressesOf.get(subject);
    addresses?.delete(address);
    if (addresses?.size === 0) this.#addressesOf.delete(subject);
  }
}

/** The rendering of one page for all who want it meanwhile. */
export class Flight {
  readonly subject: string;
  readonly startedAt = performance.now();
  /** The page; nothing when it could not be rendered, and each must try for themselves. */
  readonly landed: Promise<Representation | undefined>;
  readonly #land: (page: Representation | undefined) => void;

  constructor(subject: string, onLanded: (page: Representation | undefined) => void) {
    this.subject = subject;
    const { promise, resolve } = Promise.withResolvers<Representation | undefined>();
    this.landed = promise;
    this.#land = (page) => {
      onLanded(page);
      resolve(page);
    };
  }

  land(text: string, headers: Readonly<Record<string, string>> = {}): Representation {
    const page = new Representation(text, 'little', headers);
    this.#land(page);
    return page;
  }

  giveUp(): void {
    this.#land(undefined);
  }
}
