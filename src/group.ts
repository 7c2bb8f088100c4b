/** Items per write. */
const LARGEST_GROUP = 500;

/**
 * Writes items in batches. Items added during a write wait for the next one, so concurrent items share the round trip and
 * the disk flush, and a single item is written at once.
 */
export class Group<Item> {
  readonly #write: (items: readonly Item[]) => Promise<void>;
  #items: Item[] = [];
  #next: Promise<void> | undefined;
  #current: Promise<void> = Promise.resolve();

  constructor(write: (items: readonly Item[]) => Promise<void>) {
    this.#write = write;
  }

  /** Adds an item. Settles when its write does. */
  add(item: Item): Promise<void> {
    const next = this.#items.length < LARGEST_GROUP ? (this.#next ?? this.#begin()) : this.#begin();
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
    this.#current = next.catch(() => {});
    return next;
  }
}
