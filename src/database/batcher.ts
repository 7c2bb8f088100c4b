import { setTimeout as sleep } from 'node:timers/promises';

/** Items per write. */
const LARGEST_BATCH = 500;

/**
 * Writes items in batches: those added during a write share the next. So they share the round trip to the database and the
 * disk flush, and a single item is written at once.
 */
export class Batcher<Item> {
  readonly #write: (items: readonly Item[]) => Promise<void>;
  readonly #pauseMs: number;
  #items: Item[] = [];
  #next: Promise<void> | undefined;
  #current: Promise<unknown> = Promise.resolve();

  /** @param options.pauseMs a pause between two writes, so that more items share the next one */
  constructor(write: (items: readonly Item[]) => Promise<void>, { pauseMs }: { pauseMs: number }) {
    this.#write = write;
    this.#pauseMs = pauseMs;
  }

  /** Adds an item. Settles when its write does. */
  add(item: Item): Promise<void> {
    const next = this.#items.length < LARGEST_BATCH ? (this.#next ?? this.#begin()) : this.#begin();
    this.#items.push(item);
    return next;
  }

  #begin(): Promise<void> {
    const items: Item[] = [];
    const next = this.#current.then(() => {
      if (this.#items === items) this.#next = undefined;
      return this.#write(items);
    });
    this.#items = items;
    this.#next = next;
    const written = next.catch(() => {});
    this.#current = this.#pauseMs > 0 ? written.then(() => sleep(this.#pauseMs)) : written;
    return next;
  }
}
