import { StillUnavailable } from './unavailable.ts';

/** Failures in a row after which a route's requests are refused. */
const MAX_FAILURES = 3;

/** A request's use of the database. */
export interface DatabaseUse {
  /** The request's route. */
  readonly route: string;
  /** When it stops waiting for the database, on the clock of `performance.now()`. Waiting for anything else moves it. */
  deadline: number;
  /** Whether it may use the connections that are reserved from ordinary pages. */
  readonly isVital: boolean;
  /** Whether it has had a connection. */
  hasBegun: boolean;
  /** The breaker that let it begin. */
  breaker?: CircuitBreaker;
  /** Whether it failed because the database was down, locked or too slow. */
  hasFailed: boolean;
}

/**
 * Refuses a route's requests at once after several in a row have failed because of the database. Otherwise each would hold a
 * connection until its deadline, and leave none for pages that do not need what is locked. One request at a time, of all such
 * routes, goes through as a probe; if it succeeds, its route is open again.
 */
export class CircuitBreaker {
  readonly #failures = new Map<string, number>();
  #probe: DatabaseUse | undefined;

  /** @throws StillUnavailable if the route keeps failing */
  check({ route }: DatabaseUse): void {
    if (this.#isFailing(route) && this.#isProbing()) throw new StillUnavailable();
  }

  /** Checks again and lets the request begin. */
  begin(use: DatabaseUse): void {
    this.check(use);
    if (this.#isFailing(use.route)) this.#probe = use;
    use.hasBegun = true;
    use.breaker = this;
  }

  /** Records the end of a request that had begun. */
  end(use: DatabaseUse): void {
    if (this.#probe === use) this.#probe = undefined;
    if (use.hasFailed) this.#failures.set(use.route, (this.#failures.get(use.route) ?? 0) + 1);
    else this.#failures.delete(use.route);
  }

  #isFailing(route: string): boolean {
    return (this.#failures.get(route) ?? 0) >= MAX_FAILURES;
  }

  #isProbing(): boolean {
    return this.#probe !== undefined && performance.now() < this.#probe.deadline;
  }
}
