/** How many jobs are completed by one statement. */
const BATCH = 500;

/** Completes jobs in groups: while one statement is under way, the jobs that end wait for the next. */
export class Settler<Claim> {
  readonly #complete: (claims: Claim[]) => Promise<void>;
  readonly #waiting: Claim[] = [];
  #flushing: Promise<void> | undefined;

  /** @param complete must not reject */
  constructor(complete: (claims: Claim[]) => Promise<void>) {
    this.#complete = complete;
  }

  add(claim: Claim): void {
    this.#waiting.push(claim);
    this.#flushing ??= this.#flush();
  }

  /** Waits until everything added has been settled. */
  async idle(): Promise<void> {
    await this.#flushing;
  }

  async #flush(): Promise<void> {
    while (this.#waiting.length > 0) await this.#complete(this.#waiting.splice(0, BATCH));
    this.#flushing = undefined;
  }
}
