/** How many items one call takes at most. */
const LARGEST_GROUP = 500;

/**
 * Writes items in groups: while one write is under way, what is added waits for the next. So the wait for the
 * database, or for its disk, is shared, and who comes alone does not wait for company.
 */
export class Group<Item> {
  readonly #write: (items: readonly Item[]) => Promise<void>;
  #items: Item[] = [];
  #next: Promise<void> | undefined;
  #current: Promise<void> = Promise.resolve();

  constructor(write: (items: readonly Item[]) => Promise<void>) {
    this.#write = write;
  }

  /** Settles with the write that the item is part of. */
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
