/** How many items one call takes at most. */
const LARGEST_GROUP = 500;

/**
 * Puts what many callers ask for side by side into one call: while one is under way, what is added waits for the
 * next. So the wait for the database, or for its disk, is shared, and who comes alone does not wait for company.
 */
export class Group<Item, Result> {
  readonly #process: (items: readonly Item[]) => Promise<readonly Result[]>;
  #items: Item[] = [];
  #next: Promise<readonly Result[]> | undefined;
  #current: Promise<unknown> = Promise.resolve();

  /** @param process gives one result for each item, in order */
  constructor(process: (items: readonly Item[]) => Promise<readonly Result[]>) {
    this.#process = process;
  }

  /** Settles with the item's own result, or with the failure of the whole group. */
  async add(item: Item): Promise<Result> {
    if (this.#next === undefined || this.#items.length >= LARGEST_GROUP) this.#begin();
    const index = this.#items.push(item) - 1;
    const results = await this.#next;
    const result = results?.[index];
    if (result === undefined) throw new Error('the group has no result for this item');
    return result;
  }

  /** Waits for everything added so far; whether it succeeded, `add` has said. */
  async idle(): Promise<void> {
    await this.#current;
  }

  #begin(): void {
    const items: Item[] = [];
    const next = this.#current.then(() => {
      if (this.#items === items) this.#next = undefined;
      return this.#process(items);
    });
    this.#items = items;
    this.#next = next;
    this.#current = next.catch(() => {});
  }
}
