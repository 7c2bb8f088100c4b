import { setTimeout as sleep } from 'node:timers/promises';

/** Items per write. */
const LARGEST_BATCH = 500;

/** The pause between two writes, so that more items share the next one. */
const PAUSE_MS = 10;

/**
 * Writes items in batches. Items added during a write or shortly after it share the next one, and so its round trip and disk
 * flush. A single item is written at once.
 */
export class Batcher<Item> {
  readonly #write: (items: readonly Item[]) => Promise<void>;
  #items: Item[] = [];
  #next: Promise<void> | undefined;
  #current: Promise<unknown> = Promise.resolve();

  constructor(write: (items: readonly Item[]) => Promise<void>) {
    this.#write = write;
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
    this.#current = next.catch(() => {}).then(() => sleep(PAUSE_MS));
    return next;
  }
}
