import { StillUnavailable } from './unavailable.ts';

/** Failures in a row after which a route's requests are refused. */
const MAX_FAILURES = 3;

/** A request's use of the database. */
export interface DatabaseUse {
  /** The request's route. */
  readonly route: string;
  /** Until when it may wait for the database, on the clock of `performance.now()`. */
  readonly deadline: number;
  /** Whether it may use the connections that are kept free of ordinary pages. */
  readonly isVital: boolean;
  /** Whether it has had a connection. */
  hasBegun: boolean;
  /** The one that let it begin. */
  breaker?: CircuitBreaker;
  /** Whether it failed because the database was away, locked or too slow. */
  hasFailed: boolean;
}

/**
 * Refuses the requests of a route at once after several have failed in a row because of the database. Otherwise each would
 * hold a connection until its deadline, and pages that do not need what is locked would find none. Of all the requests to such
 * routes, one at a time goes through; if it succeeds, its route is open again.
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

  /** Records how a request ended that had begun. */
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
